// Recordings to encoder tokens, in two halves: what any thread may do ahead, and what the networks do.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pal/core/check.h"
#include "pal/integration/augmented_sample.h"
#include "pal/integration/feature_cache.h"
#include "pal/integration/pal_model.h"

namespace pal {

// How far an encoder is with a clip: what it gave, or what its network will be given.
struct EncoderInput {
  torch::Tensor tokens;   // [N, E] where they are known, else not defined
  ClipFeatures features;  // where the tokens are not known
  std::string key;        // under which the tokens are kept; empty: they are for this once
};

// The recording that a clip is mixed with cannot be read: it is not the clip's own sample that is at fault.
class UnreadablePartner : public UserError {
 public:
  using UserError::UserError;
};

// A clip, ready for the networks.
struct ClipInput {
  std::vector<EncoderInput> encoders;  // in their order by name
  std::string recording;               // for messages
};

// What frozen encoders give is kept in the computer's memory up to a limit, since it never changes but with the audio; encoders that are
// trained run with autograd, each time anew.
class ClipEncoder {
 public:
  // `model` must outlive it. limit: bytes that may be kept.
  ClipEncoder(PalModel& model, int64_t limit) : model_(model), limit_(limit) {}

  // Decodes and computes features, or reads what is kept or cached. May be called by several threads, also while another one encodes.
  // Throws UserError that names the file, of whose kind is UnreadablePartner.
  ClipInput prepare(const AugmentedClip& clip) const;
  // [N, E] per encoder, in their order by name. Throws UserError that names the file.
  EncodedClip encode(const ClipInput& clip);
  // What a clip is when the audio is withheld: no tokens.
  ClipInput nothing() const;
  // How many tokens each encoder will give, by the cache or the recording's header; only what has no length there is decoded. An mp3 may
  // turn out a bit shorter than its header says. A partner makes a clip as long as the longer one. Throws UserError as prepare().
  std::vector<int64_t> token_counts(const AugmentedClip& clip) const;

  // Forgets what is kept: an encoder has changed.
  void forget();
  // Encoders that have a cache are not asked any more, but while a stage trains them.
  void read_from(FeatureCaches caches) { caches_ = std::move(caches); }
  const FeatureCaches& caches() const { return caches_; }  // by the encoder's name

 private:
  torch::Tensor kept(const std::string& key) const;
  void keep(const std::string& key, const torch::Tensor& tokens);
  const FeatureCache* cache_for(const std::string& name, const AugmentedClip& clip) const;

  PalModel& model_;
  int64_t limit_;
  FeatureCaches caches_;
  mutable std::mutex mutex_;  // of what follows
  int64_t kept_bytes_ = 0;
  std::map<std::string, torch::Tensor> kept_;  // by encoder, file and segment
};

}  // namespace pal
