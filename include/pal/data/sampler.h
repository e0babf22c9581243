// Which samples a step trains on: each epoch of a source is a shuffle of its own, sources are mixed by weights, and the position is a few
// numbers that can be saved. The order is a function of these numbers alone, so it is the same for any number of ranks, which share out
// each step's samples, and for any number of threads that read ahead.
#pragma once

#include <cstdint>
#include <vector>

namespace pal {

// How far a shuffle is.
struct ShufflePosition {
  int64_t epoch = 0;  // from 0
  int64_t taken = 0;  // samples of this epoch already given out

  bool operator==(const ShufflePosition&) const = default;  // both numbers are equal
};

// In which order the files of a source are read.
struct ReadingOrder {
  std::vector<int32_t> files;  // of every sample: the number of its file
  int64_t window = 0;          // samples among which the next one is drawn; 0: all, whatever their files
};

// An endless stream of the indices 0 .. size-1, each once an epoch. Without a window an epoch is a shuffle of all. With one, the files are
// shuffled and put one after the other, and the next sample is drawn among the `window` next ones, so that only the files which they are
// in are read at any time: what streaming through shards with a shuffle buffer gives.
class Shuffle {
 public:
  // The order of epoch e depends on (seed, e) and `order` alone. size: samples, above 0.
  Shuffle(int64_t size, uint64_t seed, ShufflePosition position = {}, ReadingOrder order = {});

  int64_t next();                                      // the next sample
  ShufflePosition position() const { return position_; }  // of the next sample

 private:
  void begin_epoch();

  int64_t size_;
  uint64_t seed_;
  ShufflePosition position_;
  ReadingOrder reading_;
  std::vector<int64_t> order_;
};

// How far a sampler is.
struct SamplerPosition {
  int64_t drawn = 0;                     // samples in all
  std::vector<ShufflePosition> sources;  // of each; none: the beginning

  bool operator==(const SamplerPosition&) const = default;  // all numbers are equal
};

// A source of samples.
struct SamplerSource {
  int64_t size = 0;    // samples
  double weight = 1;   // share of the samples that are drawn from it, relative to the others'
  ReadingOrder order;  // of its samples
};

// An endless stream of indices into the samples of all sources, one source after the other.
class Sampler {
 public:
  // One source.
  Sampler(int64_t size, uint64_t seed, SamplerPosition position = {});
  // Several: the source of the n-th sample is drawn by (seed, n), in proportion to the weights. Throws UserError where the position is not
  // one of such sources.
  Sampler(std::vector<SamplerSource> sources, uint64_t seed, SamplerPosition position = {});

  // The next `count` samples; a batch may run over the end of an epoch into the next, so that every sample is used once an epoch.
  std::vector<int64_t> next(int64_t count);

  SamplerPosition position() const;  // of the next sample

 private:
  std::size_t draw_source() const;

  uint64_t seed_;
  int64_t drawn_ = 0;
  std::vector<Shuffle> shuffles_;
  std::vector<int64_t> begins_;       // of each source's samples
  std::vector<double> cumulative_;    // weights up to each source and with it
};

}  // namespace pal
