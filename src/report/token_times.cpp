#include "pal/report/token_times.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

namespace {

// The encoder tokens that a stream reads, by index.
std::vector<int64_t> read_tokens(TokenKind kind, int64_t period, int64_t encoded) {
  std::vector<int64_t> read;
  for (int64_t i = 0; i < encoded; ++i) {
    const bool is_cls = period > 0 && i % period == 0;
    if (kind == TokenKind::kAll || is_cls == (kind == TokenKind::kCls)) read.push_back(i);
  }
  return read;
}

TokenSpan around(const std::vector<TokenSpan>& spans, int64_t begin, int64_t end) {
  begin = std::max<int64_t>(begin, 0);
  end = std::min<int64_t>(end, int64_t(spans.size()));
  TokenSpan all = spans[std::size_t(begin)];
  for (int64_t i = begin; i < end; ++i) {
    all.begin = std::min(all.begin, spans[std::size_t(i)].begin);
    all.end = std::max(all.end, spans[std::size_t(i)].end);
  }
  return all;
}

}  // namespace

std::optional<std::vector<TokenSpan>> token_times(const StreamOptions& stream, const Encoder& encoder, int64_t encoded) {
  if (stream.tokens == TokenKind::kMean) return std::nullopt;
  std::vector<TokenSpan> spans;
  for (int64_t token : read_tokens(stream.tokens, encoder.cls_period(), encoded)) spans.push_back(encoder.token_span(token));
  const auto& connector = stream.connector;
  if (connector.type == "mlp" || connector.type == "linear") return spans;
  const bool is_conv = connector.type == "conv";
  if (!is_conv && connector.type != "mean_pool") return std::nullopt;
  std::vector<TokenSpan> grouped;
  for (int64_t begin = 0; begin < int64_t(spans.size()); begin += connector.factor) {
    const int64_t first = is_conv ? begin - (connector.kernel - 1) / 2 : begin;
    grouped.push_back(around(spans, first, first + (is_conv ? connector.kernel : connector.factor)));
  }
  return grouped;
}

std::vector<double> weights_over_time(const std::vector<double>& weights, const std::vector<TokenSpan>& times, double seconds, int64_t bins) {
  PAL_ASSERT(weights.size() == times.size(), "{} weights, but {} tokens with a time", weights.size(), times.size());
  std::vector<double> sum(std::size_t(bins), 0.0), parts(std::size_t(bins), 0.0);
  const double width = seconds / double(bins);
  for (std::size_t t = 0; t < weights.size(); ++t) {
    const auto& span = times[t];
    for (int64_t b = std::max<int64_t>(0, int64_t(span.begin / width)); b < bins && double(b) * width < span.end; ++b) {
      const double overlap = std::min(span.end, double(b + 1) * width) - std::max(span.begin, double(b) * width);
      const double part = overlap / (span.end - span.begin);
      sum[std::size_t(b)] += part * weights[t];
      parts[std::size_t(b)] += part;
    }
  }
  for (std::size_t b = 0; b < sum.size(); ++b) sum[b] = parts[b] > 0 ? sum[b] / parts[b] : 0;
  return sum;
}

}  // namespace pal
