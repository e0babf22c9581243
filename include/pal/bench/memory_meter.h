// Bytes that tensors take, as torch's allocators report them.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

namespace pal {

// Counts what this thread, and the backwards that it starts, allocate and free on one device from now on. Memory that does not come from
// torch's allocators (mapped files, scratch space inside libraries) is not seen. Reporting costs a little: do not time under it.
class MemoryMeter {
 public:
  explicit MemoryMeter(c10::Device device);  // counts from here to its end
  ~MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  // Bytes allocated now and not freed yet, since the meter was made. Below 0 where older memory was freed.
  int64_t current() const;
  // The most that current() has been since the meter was made, or since the last reset_peak().
  int64_t peak() const;
  // All that was allocated since the meter was made, freed or not.
  int64_t allocated() const;
  // The peak starts anew from what is allocated now.
  void reset_peak();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pal
