// Slots and position ids of a packed batch (paper: position shifting; design: sequence and positions).
//
// One sample's slots, with one clip after text token k, read by streams s1 (LAL) and s2 (PLITS):
//
//   slot id   0 ..... k | k+1 ... k+N1 | k+N1+1 ... k+N1+N2 | k+N1+N2+1 .....
//             text      | stream s1    | stream s2          | text
//   a row?    yes       | no           | yes                | yes
//
// Rows are the slots with queries; LAL slots are only keys and values, in the layers that read their stream. A row sees a slot
// iff both belong to one sample and slot id <= row id.
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <vector>

#include "pal/integration/audio_stream.h"
#include "pal/nn/attention.h"

namespace pal {

// The tokens that one stream makes of one clip.
struct AudioBlock {
  int64_t stream = 0;  // index into the model's streams
  int64_t at = 0;      // text tokens before it
  int64_t tokens = 0;  // may be 0
};

// What one sample consists of.
struct SampleShape {
  int64_t text_tokens = 0;        // of all its turns
  std::vector<AudioBlock> audio;  // `at` not decreasing; at one place in the order of their position intervals
};

// Tokens of a stream, over all samples and clips, are packed in the order of the samples and, within one, of its blocks.
class SequenceLayout {
 public:
  // streams: in the order of AudioBlock::stream. device: where plans put what a varlen kernel reads. cut: who does not hear, where
  // something is cut at all.
  SequenceLayout(std::vector<StreamPlace> streams, const std::vector<SampleShape>& samples, torch::Device device, AudioCut cut = {});

  int64_t rows() const { return row_ids.numel(); }  // R, of all samples

  torch::Tensor row_ids, row_samples;          // [R] int64, CPU: slot id and sample of each row
  torch::Tensor text_rows;                     // [T] int64, CPU: the row of each text token, all samples packed
  std::vector<torch::Tensor> stream_ids;       // per stream [A_s] int64, CPU: slot ids of its tokens
  std::vector<torch::Tensor> stream_samples;   // per stream [A_s] int64, CPU
  std::vector<torch::Tensor> stream_rows;      // per PLITS stream [A_s]: the row of each token; LAL: not defined
  std::vector<Range> sample_rows;              // per sample: its rows

  // The LAL streams that a layer reads, increasing; empty: plain self-attention over rows.
  std::vector<int64_t> streams_read(int64_t layer) const;
  // The key/value heads of such a layer that attend to rows alone, increasing; empty but for probing.
  std::vector<int64_t> deaf_groups(int64_t layer) const;
  // Who sees what where `read` are the streams read; keys are the R rows, then the tokens of the streams in `read` in order.
  std::shared_ptr<const AttentionPlan> plan(const std::vector<int64_t>& read) const;
  // Per sample: all of its keys, in the order of their slots; what a row that comes after the sample would see.
  std::vector<std::vector<Range>> sample_keys(const std::vector<int64_t>& read) const;

 private:
  struct Block {
    bool is_row;
    int64_t stream;  // of a LAL block
    Range where;     // rows, or tokens of the stream
  };
  std::vector<int64_t> key_offsets(const std::vector<int64_t>& read) const;
  AttentionPlan make_plan(const std::vector<int64_t>& read) const;
  std::vector<AttentionSegment> make_segments(const std::vector<Block>& blocks, const std::vector<int64_t>& offset) const;

  std::vector<StreamPlace> streams_;
  AudioCut cut_;
  std::vector<std::vector<Block>> blocks_;  // per sample, in the order of their slots
  torch::Device device_;
  mutable std::map<std::vector<int64_t>, std::shared_ptr<const AttentionPlan>> plans_;
};

}  // namespace pal
