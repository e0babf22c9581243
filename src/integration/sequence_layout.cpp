#include "pal/integration/sequence_layout.h"

#include "pal/core/check.h"

namespace pal {

namespace {

void append_range(std::vector<int64_t>& to, int64_t first, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to.push_back(first + i);
}

void append_key_range(std::vector<Range>& ranges, Range range) {
  if (!ranges.empty() && ranges.back().end == range.begin)
    ranges.back().end = range.end;
  else
    ranges.push_back(range);
}

torch::Tensor tensor_of(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

SequenceLayout::SequenceLayout(std::vector<StreamPlace> streams, const std::vector<SampleShape>& samples,
                               torch::Device device, AudioCut cut)
    : streams_(std::move(streams)), cut_(std::move(cut)), device_(device) {
  const std::size_t count = streams_.size();
  std::vector<int64_t> ids, owners, text;
  std::vector<std::vector<int64_t>> audio_ids(count), audio_owners(count), audio_rows(count);

  for (std::size_t s = 0; s < samples.size(); ++s) {
    const int64_t first_row = int64_t(ids.size());
    int64_t id = 0, done = 0;  // next slot id; text tokens placed so far
    auto& blocks = blocks_.emplace_back();
    const auto add_rows = [&](int64_t n, std::vector<int64_t>& rows_of) {
      const int64_t row = int64_t(ids.size());
      append_range(rows_of, row, n);
      append_range(ids, id, n);
      owners.insert(owners.end(), std::size_t(n), int64_t(s));
      if (n > 0) blocks.push_back({true, -1, {row, row + n}});
    };
    const auto add_text = [&](int64_t until) {
      PAL_CHECK(until >= done && until <= samples[s].text_tokens,
                "sample {}: audio after {} text tokens, but {} are placed already and there are {} in all", s, until, done,
                samples[s].text_tokens);
      add_rows(until - done, text);
      id += until - done;
      done = until;
    };
    for (const auto& block : samples[s].audio) {
      PAL_CHECK(block.stream >= 0 && block.stream < int64_t(count), "sample {}: stream {} does not exist", s, block.stream);
      add_text(block.at);
      const auto i = std::size_t(block.stream);
      const int64_t first = int64_t(audio_ids[i].size());
      append_range(audio_ids[i], id, block.tokens);
      audio_owners[i].insert(audio_owners[i].end(), std::size_t(block.tokens), int64_t(s));
      if (streams_[i].integration == Integration::kPlits)
        add_rows(block.tokens, audio_rows[i]);
      else if (block.tokens > 0)
        blocks.push_back({false, block.stream, {first, first + block.tokens}});
      id += block.tokens;
    }
    add_text(samples[s].text_tokens);
    sample_rows.push_back({first_row, int64_t(ids.size())});
  }

  row_ids = tensor_of(ids);
  row_samples = tensor_of(owners);
  text_rows = tensor_of(text);
  for (std::size_t i = 0; i < count; ++i) {
    stream_ids.push_back(tensor_of(audio_ids[i]));
    stream_samples.push_back(tensor_of(audio_owners[i]));
    stream_rows.push_back(streams_[i].integration == Integration::kPlits ? tensor_of(audio_rows[i]) : torch::Tensor());
  }
}

std::vector<int64_t> SequenceLayout::streams_read(int64_t layer) const {
  std::vector<int64_t> read;
  if (cut_.is_whole(layer)) return read;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const auto& stream = streams_[i];
    if (stream.integration == Integration::kLal && stream.layers[std::size_t(layer)] && stream_ids[i].numel() > 0)
      read.push_back(int64_t(i));
  }
  return read;
}

std::vector<int64_t> SequenceLayout::deaf_groups(int64_t layer) const {
  return streams_read(layer).empty() ? std::vector<int64_t>{} : cut_.groups(layer);
}

std::shared_ptr<const AttentionPlan> SequenceLayout::plan(const std::vector<int64_t>& read) const {
  auto& plan = plans_[read];
  if (!plan) plan = std::make_shared<AttentionPlan>(make_plan(read));
  return plan;
}

// Where each stream's tokens begin among the keys; -1: not read.
std::vector<int64_t> SequenceLayout::key_offsets(const std::vector<int64_t>& read) const {
  std::vector<int64_t> offset(streams_.size(), -1);
  int64_t keys = rows();
  for (int64_t stream : read) {
    offset[std::size_t(stream)] = keys;
    keys += stream_ids[std::size_t(stream)].numel();
  }
  return offset;
}

std::vector<std::vector<Range>> SequenceLayout::sample_keys(const std::vector<int64_t>& read) const {
  const auto offset = key_offsets(read);
  std::vector<std::vector<Range>> keys;
  for (const auto& blocks : blocks_) {
    auto& seen = keys.emplace_back();
    for (const auto& block : blocks) {
      const int64_t first = block.is_row ? 0 : offset[std::size_t(block.stream)];
      if (first >= 0) append_key_range(seen, {first + block.where.begin, first + block.where.end});
    }
  }
  return keys;
}

AttentionPlan SequenceLayout::make_plan(const std::vector<int64_t>& read) const {
  const auto offset = key_offsets(read);
  std::vector<torch::Tensor> ids{row_ids}, samples{row_samples};
  for (int64_t stream : read) {
    ids.push_back(stream_ids[std::size_t(stream)]);
    samples.push_back(stream_samples[std::size_t(stream)]);
  }
  std::vector<AttentionSegment> segments;
  for (const auto& blocks : blocks_)
    for (auto& segment : make_segments(blocks, offset)) segments.push_back(std::move(segment));

  const auto key_ids = torch::cat(ids);
  AttentionPlan plan(std::move(segments), /*causal=*/true, rows(), key_ids.numel(), device_);
  plan.row_ids = row_ids;
  plan.row_samples = row_samples;
  plan.key_ids = key_ids;
  plan.key_samples = torch::cat(samples);
  return plan;
}

// A run is a maximal stretch of rows that no slot read at this layer interrupts; its keys are all slots up to its end.
std::vector<AttentionSegment> SequenceLayout::make_segments(const std::vector<Block>& blocks,
                                                            const std::vector<int64_t>& offset) const {
  std::vector<AttentionSegment> segments;
  std::vector<Range> seen;
  bool in_run = false;
  for (const auto& block : blocks) {
    if (!block.is_row) {
      const int64_t first = offset[std::size_t(block.stream)];
      if (first < 0) continue;
      append_key_range(seen, {first + block.where.begin, first + block.where.end});
      in_run = false;
      continue;
    }
    append_key_range(seen, block.where);
    if (in_run)
      segments.back().rows.end = block.where.end;
    else
      segments.push_back({block.where, {}});
    segments.back().keys = seen;
    in_run = true;
  }
  return segments;
}

}  // namespace pal
