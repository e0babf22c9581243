#include "pal/report/listening.h"

#include "pal/core/check.h"
#include "pal/report/token_times.h"

namespace pal {

namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string trimmed(const std::string& text) {
  std::size_t begin = 0, end = text.size();
  while (begin < end && is_space(text[begin])) ++begin;
  while (end > begin && is_space(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

// Places of the answer's tokens among the sample's text tokens.
std::vector<int64_t> target_places(const PalBatch& batch) {
  const auto places = batch.target.nonzero().squeeze(1);
  return {places.data_ptr<int64_t>(), places.data_ptr<int64_t>() + places.numel()};
}

}  // namespace

std::vector<AnswerWord> answer_words(const Tokenizer& tokenizer, const std::vector<int64_t>& tokens) {
  const auto text_until = [&](std::size_t end) { return tokenizer.decode(std::span(tokens).first(end), /*skip_special=*/true); };
  const auto whole = text_until(tokens.size());
  std::vector<AnswerWord> words;
  std::size_t seen = 0;   // of the text
  int64_t begin = 0;      // of the tokens whose text is not taken yet
  for (std::size_t end = 1; end <= tokens.size(); ++end) {
    const auto text = text_until(end);
    // A token that ends inside of a character is taken with the next.
    if (text.size() == seen || !whole.starts_with(text)) continue;
    const auto piece = text.substr(seen);
    const bool begins_word = words.empty() || is_space(piece.front()) || (seen > 0 && is_space(whole[seen - 1]));
    if (begins_word && !trimmed(piece).empty()) words.push_back({"", begin, begin});
    if (!words.empty() && !trimmed(piece).empty()) {
      words.back().text += piece;
      words.back().end = int64_t(end);
    }
    seen = text.size();
    begin = int64_t(end);
  }
  for (auto& word : words) word.text = trimmed(word.text);
  return words;
}

LayerListening listen_at(const StreamAttention& attention, const std::vector<AnswerWord>& words,
                         const std::optional<std::vector<TokenSpan>>& times, double seconds, int64_t bins) {
  LayerListening heard;
  heard.layer = attention.layer;
  const auto by_row = attention.weights.mean(0);  // [n, N'], over the heads
  for (const auto& word : words) {
    const auto weights = by_row.slice(0, word.begin, word.end).mean(0).contiguous();
    heard.share.push_back(weights.sum().item<double>());
    const std::vector<double> of_tokens(weights.data_ptr<double>(), weights.data_ptr<double>() + weights.numel());
    heard.over_time.push_back(times ? weights_over_time(of_tokens, *times, seconds, bins) : std::vector<double>());
  }
  return heard;
}

Listening listen(Session& session, const Sample& given, const std::string& answer, double seconds, int64_t bins) {
  PAL_ASSERT(given.clips.size() == 1, "expected one clip, got {}", given.clips.size());
  auto sample = given;
  sample.messages.back().content = answer;
  const auto batch = session.collator->collate({&sample}, Purpose::kTraining);
  const auto places = target_places(batch);
  std::vector<int64_t> tokens, predicting;
  for (int64_t place : places) {
    tokens.push_back(batch.tokens[place].item<int64_t>());
    predicting.push_back(place - 1);
  }
  const auto words = answer_words(session.collator->tokenizer(), tokens);
  Listening listening;
  for (const auto& word : words) listening.words.push_back(word.text);

  auto& model = *session.model;
  const auto rows = model.layout(batch).text_rows.index_select(0, torch::tensor(predicting, torch::kInt64));
  const auto& options = model.options().streams;
  std::vector<std::optional<std::vector<TokenSpan>>> times;
  for (const auto& stream : options) {
    const auto place = std::distance(model.encoders().begin(), model.encoders().find(stream.encoder));
    times.push_back(token_times(stream, *model.encoders().at(stream.encoder), batch.clips[0][0][std::size_t(place)].size(0)));
    listening.streams.push_back({stream.name, stream.integration, 0, {}});
  }
  for (const auto& attention : capture_attention(model, batch, rows)) {
    auto& stream = listening.streams[std::size_t(attention.stream)];
    stream.tokens = attention.weights.size(2);
    stream.layers.push_back(listen_at(attention, words, times[std::size_t(attention.stream)], seconds, bins));
  }
  return listening;
}

}  // namespace pal
