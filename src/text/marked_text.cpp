#include "marked_text.h"

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "pal/text/prompt.h"
#include "unicode.h"

namespace pal {
namespace {

// Characters of Unicode's private plane 16.
struct Marks {
  std::string place;  // an <audio> that the user wrote
  std::string clip;   // a clip that got its place from us
  std::string begin;  // an assistant's content begins
  std::string end;    // and ends
  std::string other;  // another message's content begins
};

// Where the marks of a content stand: around all of it, or inside its outer white space, which many templates trim.
enum class Inside { kAll, kTrimmed };

std::int64_t count_places(const std::vector<Message>& messages) {
  std::int64_t places = 0;
  for (const Message& message : messages) {
    if (message.role != "user") continue;
    for (std::size_t at = message.content.find(kAudioPlace); at != std::string::npos;
         at = message.content.find(kAudioPlace, at + kAudioPlace.size())) {
      ++places;
    }
  }
  return places;
}

Marks choose_marks(const ChatTemplate& chat_template, const std::vector<Message>& messages) {
  std::set<char32_t> used;
  const auto note = [&](std::string_view text) {
    for (std::size_t at = 0; at < text.size();) used.insert(next_code_point(text, at));
  };
  note(chat_template.source());
  for (const Message& message : messages) {
    PAL_CHECK(!find_invalid_utf8(message.content) && !find_invalid_utf8(message.role),
              "prompt: a message of role '{}' is not UTF-8", message.role);
    note(message.role);
    note(message.content);
  }
  std::vector<std::string> free;
  for (char32_t c = 0x100000; c < 0x10FFFE && free.size() < 5; ++c) {
    if (!used.contains(c)) free.push_back(to_utf8({&c, 1}));
  }
  PAL_CHECK(free.size() == 5, "prompt: the messages use every private character of Unicode");
  return {free[0], free[1], free[2], free[3], free[4]};
}

// Puts `before` and `behind` around the content.
void enclose(std::string& content, const std::string& before, const std::string& behind, Inside inside) {
  const std::string_view core =
      inside == Inside::kAll ? std::string_view(content) : strip(content, Strip::kBoth);
  const auto begin = static_cast<std::size_t>(core.data() - content.data());
  const std::size_t end = begin + core.size();
  content =
      content.substr(0, begin) + before + content.substr(begin, end - begin) + behind + content.substr(end);
}

std::vector<Message> put_marks(std::vector<Message> messages, const Marks& marks, std::int64_t clips_to_place,
                               Inside inside) {
  for (Message& message : messages) {
    if (message.role == "assistant") {
      enclose(message.content, marks.begin, marks.end, inside);
      continue;
    }
    std::string before = marks.other;
    if (message.role == "user") {
      replace_all(message.content, kAudioPlace, marks.place);
      for (; clips_to_place > 0; --clips_to_place) before += marks.clip;
    }
    enclose(message.content, before, "", inside);
  }
  return messages;
}

// Takes the marks out of a rendered text.
MarkedText find_marks(std::string_view rendered, const Marks& marks) {
  MarkedText found;
  for (std::size_t at = 0; at < rendered.size();) {
    const std::size_t start = at;
    next_code_point(rendered, at);
    const std::string_view character = rendered.substr(start, at - start);
    const std::size_t here = found.text.size();
    const bool is_begin = character == marks.begin;
    if ((is_begin || character == marks.other) && !found.answers.empty()) {
      found.answers.back().next = std::min(found.answers.back().next, here);
    }
    if (character == marks.place) {
      found.text += kAudioPlace;
      found.clips.push_back({here, found.text.size()});
    } else if (character == marks.clip) {
      found.clips.push_back({here, here});
    } else if (is_begin) {
      found.answers.push_back({here, here, std::string::npos});
    } else if (character == marks.end) {
      if (!found.answers.empty()) found.answers.back().end = here;
    } else if (character != marks.other) {
      found.text += character;
    }
  }
  return found;
}

}  // namespace

MarkedText render_marked(const ChatTemplate& chat_template, const std::vector<Message>& messages,
                         std::int64_t clips, bool add_generation_prompt) {
  const std::int64_t places = count_places(messages);
  PAL_CHECK(places == 0 || places == clips, "prompt: the messages have {} places '{}' for {} clips", places,
            kAudioPlace, clips);
  const auto is_user = [](const Message& message) { return message.role == "user"; };
  PAL_CHECK(clips == 0 || std::any_of(messages.begin(), messages.end(), is_user),
            "prompt: {} clips, but no message of the user to put them in", clips);
  const auto assistants = static_cast<std::size_t>(std::count_if(
      messages.begin(), messages.end(), [](const Message& message) { return message.role == "assistant"; }));
  const Marks marks = choose_marks(chat_template, messages);
  const std::string plain = chat_template.render(messages, add_generation_prompt);

  for (const Inside inside : {Inside::kAll, Inside::kTrimmed}) {
    const auto marked = put_marks(messages, marks, places == 0 ? clips : 0, inside);
    const std::string rendered = chat_template.render(marked, add_generation_prompt);
    MarkedText found = find_marks(rendered, marks);
    const bool whole =
        found.clips.size() == static_cast<std::size_t>(clips) && found.answers.size() == assistants;
    if (whole && found.text == plain) return found;
  }
  user_error(
      "prompt: the chat template changes, leaves out or repeats a message's content, so that the places of "
      "{} cannot be found",
      clips > 0 ? "the audio" : "the answers");
}

}  // namespace pal
