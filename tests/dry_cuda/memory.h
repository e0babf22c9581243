// The device's memory: pages that nobody has written cost nothing, so that a device of 80 GB fits everywhere.
#pragma once

namespace dry_cuda {

bool is_device_memory(const void* pointer);

}  // namespace dry_cuda
