// Weights from files into tensors that are there already: all checked first, then read in the order of the file.
#pragma once

#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

#include "pal/core/load_report.h"
#include "pal/core/tensor_source.h"

namespace pal {

// A tensor that is filled from a file.
struct WantedTensor {
  std::string name;     // in the file
  torch::Tensor value;  // what is filled, converted to its type; on any device. On `meta` there is nothing to fill, only to check
  // How what the file holds is rearranged, to the same shape; empty: not at all.
  std::function<torch::Tensor(const torch::Tensor& stored)> rearrange = {};
};

// Tensors that a file may hold beside those that are wanted.
struct OtherTensors {
  std::string pattern;                 // on their names, see matches_pattern()
  std::string note;                    // why they are not needed, or who reads them
  LoadFate fate = LoadFate::kSkipped;  // or kMatched, where they are read elsewhere
};

// What is wanted of a file.
struct LoadPlan {
  std::string what;                  // for messages: "the decoder that its config describes"
  std::vector<WantedTensor> wanted;  // all must be there
  std::vector<OtherTensors> others;  // whatever else is there must be one of these; the first that matches counts
};

// What would become of every tensor; reads no data.
LoadReport compare_tensors(const LoadPlan& plan, const TensorSource& source);

// Checks all, then fills all. Throws LoadMismatch where something does not fit, and nothing is filled then; UserError where the file
// cannot be read. Logs as LoadReport::log().
//
// Tensors are read in pieces by several threads, in the order of the file, straight into `value` where its type is the file's and it is
// on the CPU; beside the values themselves a piece a thread is held, and those tensors whole that are rearranged or come from a .pt file.
LoadReport load_tensors(const LoadPlan& plan, const TensorSource& source);

// The shape of a tensor for a report: "[576, 1536]".
std::string shape_text(at::IntArrayRef shape);

}  // namespace pal
