// The one precompiled header: what costs seconds to parse and never changes.
#pragma once
#include <torch/torch.h>
