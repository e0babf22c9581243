// Where each word of an answer looked: LAL attention over the recording, by layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pal/integration/attention_capture.h"
#include "pal/report/token_times.h"
#include "pal/text/tokenizer.h"
#include "pal/train/session.h"

namespace pal {

// One word of an answer and its tokens.
struct AnswerWord {
  std::string text;            // without white space around it
  int64_t begin = 0, end = 0;  // its tokens: indices into the answer's
};

// The words of an answer. Tokens that are no text of their own (end of turn) belong to no word.
std::vector<AnswerWord> answer_words(const Tokenizer& tokenizer, const std::vector<int64_t>& tokens);

// What the words of an answer read of one stream, at one layer.
struct LayerListening {
  int64_t layer = 0;                       // of the decoder
  std::vector<double> share;               // of each word: its attention on the whole stream; the rest of the 1 is on text and other streams
  std::vector<std::vector<double>> over_time;  // of each word: [bins] weight a token over the clip's first seconds (token_times.h); empty: no place in time
};

// A word's attention is the mean over the heads and over the rows that predict its tokens.
//   attention: of the rows before the answer's tokens, each of which predicts the next; times: of the stream's tokens, where they have any
LayerListening listen_at(const StreamAttention& attention, const std::vector<AnswerWord>& words, const std::optional<std::vector<TokenSpan>>& times,
                         double seconds, int64_t bins);

// One stream.
struct StreamListening {
  std::string name;                    // of the stream
  Integration integration;             // how it enters the LLM
  int64_t tokens = 0;                  // that the clip becomes
  std::vector<LayerListening> layers;  // those that read it
};

// How one answer came about.
struct Listening {
  std::vector<std::string> words;        // of the answer
  std::vector<StreamListening> streams;  // where they looked
};

// Runs the model over the sample with `answer` as its answer. The sample has one clip. `seconds` from the clip's beginning become `bins`.
Listening listen(Session& session, const Sample& sample, const std::string& answer, double seconds, int64_t bins);

}  // namespace pal
