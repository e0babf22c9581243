// The device's memory: pages that nobody has written cost nothing, so that a device of 80 GB fits everywhere.
#pragma once

#include <string>

namespace dry_cuda {

int current_device();
std::string name_of_device(int device);

bool is_device_memory(const void* pointer);  // of any device
bool is_on_current_device(const void* pointer);

}  // namespace dry_cuda
