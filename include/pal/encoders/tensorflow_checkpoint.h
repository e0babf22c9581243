// TensorFlow's checkpoints ("tensor bundles"): PREFIX.index, a table of names, and
// PREFIX.data-00000-of-00001, the values.
#pragma once

#include <string>

#include "pal/core/tensor_source.h"

namespace pal {

// All float32 tensors of a checkpoint with one data file, by name, in TensorFlow's order of dimensions;
// tensors of other types (counters, strings) are left out. Throws UserError that names file and tensor where
// a file is missing, damaged (checksums are compared), compressed, or holds slices or several data files.
// Source: tensorflow/core/util/tensor_bundle, tensorflow/core/lib/io/table_format.txt.
TensorMap read_tensorflow_checkpoint(const std::string& prefix);

}  // namespace pal
