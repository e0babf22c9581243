// A batch whose cost is that of its shape.
#pragma once

#include "pal/bench/training_bench.h"

namespace pal {

// Text tokens and what encoders gave, drawn at random, always the same. Throws UserError for a shape that is no batch.
PalBatch random_batch(PalModel& model, const BenchBatch& shape);

}  // namespace pal
