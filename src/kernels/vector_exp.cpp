#include "vector_exp.h"

#include "pal/kernels/numbers.h"

namespace pal::kernels {

bool has_vector_exp() { return kHasVectorExp; }

}  // namespace pal::kernels
