// A rendered conversation with marks in it: where clips stand, and where the assistant's contents begin and end.
#pragma once

#include <string>
#include <vector>

#include "pal/text/chat_template.h"

namespace pal {

struct MarkedText {
  struct Place {
    std::size_t begin;
    std::size_t end;  // behind `begin` where the text has an <audio> there
  };
  // An assistant's content.
  struct Answer {
    std::size_t begin;
    std::size_t end;
    std::size_t next;  // where the content of the message behind it begins, or the text's end
  };
  std::string text;  // as the template renders the messages; all offsets are into it
  std::vector<Place> clips;
  std::vector<Answer> answers;
};

// Renders `messages`, whose audio places must be as many as `clips`, or none. Marks are put into the contents as private
// characters that nothing else contains, and found again in the rendered text; that the text without them is what the
// template makes of the messages without them is checked.
MarkedText render_marked(const ChatTemplate& chat_template, const std::vector<Message>& messages,
                         std::int64_t clips, bool add_generation_prompt);

}  // namespace pal
