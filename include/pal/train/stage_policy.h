// Which parameters a stage trains: patterns on their names (core/name_pattern.h).
//
//   ["connectors.*"]                                 stage 1
//   ["connectors.*", "llm.*"]                        stage 2
//   ["connectors.*", "llm.layers.*.self_attn.*"]     stage 2 with a frozen FFN
//   ["llm.*", "!llm.embed_tokens.*"]                 all but the embeddings
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pal/train/named_parameter.h"

namespace pal {

// How much of a group a stage trains.
struct GroupCount {
  std::string group;                                             // parameter_group of its members
  std::int64_t trainable_tensors = 0, trainable_parameters = 0;  // counts of tensors and of their elements
  std::int64_t frozen_tensors = 0, frozen_parameters = 0;        // likewise
};

// Which parameters the patterns train, one flag each: a parameter is trained where a pattern matches its name and no pattern after a
// leading `!` does, in whatever order they stand. Throws UserError for a pattern that matches no name (with the nearest that would).
std::vector<bool> trained_by(const std::vector<NamedParameter>& parameters, const std::vector<std::string>& patterns);

// Sets requires_grad as trained_by() says, takes the gradients off frozen parameters, and
// returns the counts by group, in the order of the parameters. Throws UserError, changing nothing, for a
// pattern that matches no name (with the nearest that would), and where nothing is left to train.
std::vector<GroupCount> apply_stage_policy(const std::vector<NamedParameter>& parameters,
                                           const std::vector<std::string>& patterns);

// The counts as a table with a line of sums, for the log.
std::string format_group_counts(const std::vector<GroupCount>& counts);

}  // namespace pal
