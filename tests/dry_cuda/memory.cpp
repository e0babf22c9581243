#include "memory.h"

#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "record.h"
#include "stream.h"

namespace dry_cuda {
namespace {

constexpr size_t kDeviceBytes = size_t(80) << 30;

struct Block {
  size_t size;
  int device;
};

struct Blocks {
  std::mutex mutex;
  std::map<const char*, Block> by_address;

  std::optional<Block> find(const void* pointer) {
    std::lock_guard lock(mutex);
    auto after = by_address.upper_bound(static_cast<const char*>(pointer));
    if (after == by_address.begin()) return {};
    const auto& [begin, block] = *--after;
    return static_cast<const char*>(pointer) < begin + block.size ? std::optional(block) : std::nullopt;
  }
};

Blocks& device() {
  static auto* const blocks = new Blocks;
  return *blocks;
}
Blocks& pinned() {
  static auto* const blocks = new Blocks;
  return *blocks;
}

// Of the current device.
size_t used_bytes() {
  std::lock_guard lock(device().mutex);
  size_t sum = 0;
  for (const auto& [begin, block] : device().by_address) sum += block.device == current_device() ? block.size : 0;
  return sum;
}

void add_block(Blocks& blocks, void* pointer, size_t size) {
  std::lock_guard lock(blocks.mutex);
  blocks.by_address[static_cast<const char*>(pointer)] = {size, current_device()};
}

bool remove_block(Blocks& blocks, void* pointer, size_t* size = nullptr) {
  std::lock_guard lock(blocks.mutex);
  const auto found = blocks.by_address.find(static_cast<const char*>(pointer));
  if (found == blocks.by_address.end()) return false;
  if (size) *size = found->second.size;
  blocks.by_address.erase(found);
  return true;
}

const char* place(const void* pointer) { return is_device_memory(pointer) ? "device" : pinned().find(pointer) ? "pinned" : "pageable"; }

// The device stores nothing: what is read from it are zeros.
void copy(void* to, const void* from, size_t count) {
  if (is_device_memory(to)) return;
  is_device_memory(from) ? std::memset(to, 0, count) : std::memmove(to, from, count);
}

}  // namespace

int current_device() {
  int device = 0;
  cudaGetDevice(&device);
  return device;
}

std::string name_of_device(int device) { return "device " + std::to_string(device); }

bool is_device_memory(const void* pointer) { return device().find(pointer).has_value(); }

bool is_on_current_device(const void* pointer) {
  const auto block = device().find(pointer);
  return block && block->device == current_device();
}

}  // namespace dry_cuda

using namespace dry_cuda;

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t size) {
  if (!may_call("cudaMalloc")) return cudaErrorStreamCaptureUnsupported;
  if (used_bytes() + size > kDeviceBytes) return *pointer = nullptr, cudaErrorMemoryAllocation;
  *pointer = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (*pointer == MAP_FAILED) return cudaErrorMemoryAllocation;
  add_block(device(), *pointer, size);
  auto& r = record();
  std::lock_guard records(r.mutex);
  ++r.devices[name_of_device(current_device())];
  return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
  if (!may_call("cudaFree")) return cudaErrorStreamCaptureUnsupported;
  if (!pointer) return cudaSuccess;
  size_t size = 0;
  if (!remove_block(device(), pointer, &size)) return fault("cudaFree of what is not the device's"), cudaErrorInvalidValue;
  munmap(pointer, size);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** pointer, size_t size, unsigned) {
  if (!may_call("cudaHostAlloc")) return cudaErrorStreamCaptureUnsupported;
  *pointer = std::aligned_alloc(4096, (size + 4095) / 4096 * 4096);
  add_block(pinned(), *pointer, size);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* pointer) {
  remove_block(pinned(), pointer);
  std::free(pointer);
  return cudaSuccess;
}

cudaError_t cudaHostRegister(void* pointer, size_t size, unsigned) { return add_block(pinned(), pointer, size), cudaSuccess; }
cudaError_t cudaHostUnregister(void* pointer) { return remove_block(pinned(), pointer), cudaSuccess; }

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) { return *total = kDeviceBytes, *free = kDeviceBytes - used_bytes(), cudaSuccess; }

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  *attributes = {};
  if (const auto block = device().find(pointer)) attributes->device = block->device;
  attributes->type = is_device_memory(pointer) ? cudaMemoryTypeDevice : pinned().find(pointer) ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
  if (attributes->type == cudaMemoryTypeDevice) attributes->devicePointer = const_cast<void*>(pointer);
  if (attributes->type == cudaMemoryTypeHost) attributes->hostPointer = attributes->devicePointer = const_cast<void*>(pointer);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t count, cudaMemcpyKind, cudaStream_t stream) {
  const std::string way = std::string(place(from)) + " to " + place(to);
  if (way.find("pageable") != std::string::npos && !may_wait(("cudaMemcpyAsync, " + way).c_str(), stream)) return cudaErrorStreamCaptureUnsupported;
  add_copy(stream, "copy, " + way);
  copy(to, from, count);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t count, cudaMemcpyKind) {
  if (!may_wait("cudaMemcpy", nullptr)) return cudaErrorStreamCaptureUnsupported;
  copy(to, from, count);
  return cudaSuccess;
}

cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t count, cudaStream_t stream) { return cudaMemcpyAsync(to, from, count, cudaMemcpyDefault, stream); }
cudaError_t cudaMemcpyToSymbol(const void*, const void*, size_t, size_t, cudaMemcpyKind) { return cudaSuccess; }

cudaError_t cudaMemsetAsync(void* pointer, int, size_t, cudaStream_t stream) {
  if (!is_device_memory(pointer)) return fault("cudaMemsetAsync of what is not the device's"), cudaErrorInvalidValue;
  return add_copy(stream, "fill"), cudaSuccess;
}
cudaError_t cudaMemset(void* pointer, int value, size_t count) { return cudaMemsetAsync(pointer, value, count, nullptr); }

}  // extern "C"
