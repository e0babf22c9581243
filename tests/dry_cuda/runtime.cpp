// The device itself and its kernels, of which there is none: a launch is counted.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "record.h"
#include "stream.h"

using namespace dry_cuda;

namespace {

constexpr int kProcessors = 132, kSharedBytes = 49152, kSharedOptIn = 232448, kSharedOfProcessor = 233472;

struct Kernels {
  std::mutex mutex;
  std::map<const void*, std::string> names;  // by the function that launches it
  std::map<const void*, int> shared;         // bytes of dynamic shared memory, where more were asked for
};

Kernels& kernels() {
  static auto* const instance = new Kernels;
  return *instance;
}

std::string name_of(const void* function) {
  std::lock_guard lock(kernels().mutex);
  const auto found = kernels().names.find(function);
  return found == kernels().names.end() ? "unknown kernel" : found->second;
}

struct Configuration {
  dim3 grid, block;
  size_t shared;
  void* stream;
};
thread_local std::vector<Configuration> configurations;
thread_local cudaError_t last_error = cudaSuccess;
thread_local int current_device = 0;

// $PAL_DRY_CUDA_DEVICES, or one.
int device_count() {
  static const int count = std::getenv("PAL_DRY_CUDA_DEVICES") ? std::max(1, std::atoi(std::getenv("PAL_DRY_CUDA_DEVICES"))) : 1;
  return count;
}

size_t shared_of(const void* function) {
  std::lock_guard lock(kernels().mutex);
  const auto found = kernels().shared.find(function);
  return size_t(found == kernels().shared.end() ? kSharedBytes : std::max(kSharedBytes, found->second));
}

cudaError_t launch_of(const void* function, dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  return last_error = dry_cuda::launch(name_of(function), grid, block, shared, shared_of(function), stream) ? cudaSuccess : cudaErrorInvalidConfiguration;
}

}  // namespace

bool dry_cuda::launch(const std::string& name, dim3 grid, dim3 block, size_t shared, size_t most_shared, cudaStream_t stream) {
  const auto threads = size_t(block.x) * block.y * block.z;
  const bool fits = grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.x <= 2147483647u && grid.y <= 65535 && grid.z <= 65535 && threads > 0 && threads <= 1024 && block.z <= 64;
  if (fits && shared <= most_shared) return add_launch(stream, name);
  fault(name + " with a grid of " + std::to_string(grid.x) + " x " + std::to_string(grid.y) + " x " + std::to_string(grid.z) + " blocks of " + std::to_string(threads) + " threads and " + std::to_string(shared) +
        " bytes of shared memory");
  return false;
}

extern "C" {

void** __cudaRegisterFatBinary(void*) {
  static void* handle = nullptr;
  return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 1; }
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
void __cudaRegisterFunction(void**, const char* function, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*, int*) {
  std::lock_guard lock(kernels().mutex);
  kernels().names[function] = name;
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void* stream) { return configurations.push_back({grid, block, shared, stream}), 0; }
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  const auto c = configurations.back();
  configurations.pop_back();
  *grid = c.grid, *block = c.block, *shared = c.shared, *static_cast<void**>(stream) = c.stream;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) { return *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function)), cudaSuccess; }
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void**, size_t shared, cudaStream_t stream) { return launch_of(kernel, grid, block, shared, stream); }
cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void**, size_t shared, cudaStream_t stream) { return launch_of(function, grid, block, shared, stream); }
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* c, const void* function, void**) { return launch_of(function, c->gridDim, c->blockDim, c->dynamicSmemBytes, c->stream); }

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  attributes->maxDynamicSharedSizeBytes = kSharedBytes;
  attributes->numRegs = 32;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value > kSharedOptIn) return fault(name_of(function) + " asks for " + std::to_string(value) + " bytes of shared memory"), last_error = cudaErrorInvalidValue;
  std::lock_guard lock(kernels().mutex);
  kernels().shared[function] = value;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int threads, size_t, unsigned) { return *blocks = 2048 / threads, cudaSuccess; }
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads, size_t) { return *blocks = 2048 / threads, cudaSuccess; }
cudaError_t cudaGetSymbolAddress(void** pointer, const void* symbol) { return *pointer = const_cast<void*>(symbol), cudaSuccess; }

cudaError_t cudaGetDeviceCount(int* count) { return *count = device_count(), cudaSuccess; }
cudaError_t cudaGetDevice(int* device) { return *device = current_device, cudaSuccess; }
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= device_count()) return last_error = cudaErrorInvalidDevice;
  return current_device = device, cudaSuccess;
}
cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) { return *can = 0, cudaSuccess; }
cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { return cudaErrorInvalidDevice; }
cudaError_t cudaDeviceGetPCIBusId(char* id, int size, int) { return std::snprintf(id, size_t(size), "0000:00:00.0"), cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
  *p = {};
  std::strcpy(p->name, "no device (dry run of an H100)");
  p->totalGlobalMem = size_t(80) << 30;
  p->sharedMemPerBlock = kSharedBytes, p->sharedMemPerBlockOptin = kSharedOptIn, p->sharedMemPerMultiprocessor = kSharedOfProcessor;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024, p->maxThreadsPerMultiProcessor = 2048, p->maxBlocksPerMultiProcessor = 32;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024, p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647, p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->totalConstMem = 65536;
  p->major = 9, p->minor = 0;
  p->multiProcessorCount = kProcessors;
  p->l2CacheSize = 50 << 20;
  p->memoryBusWidth = 5120;
  p->textureAlignment = 512;
  p->unifiedAddressing = p->concurrentKernels = p->streamPrioritiesSupported = p->cooperativeLaunch = p->managedMemory = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = kProcessors; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = kSharedOptIn; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = kSharedBytes; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = kSharedOfProcessor; break;
    case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
    case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
    case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = 2048; break;
    case cudaDevAttrWarpSize: *value = 32; break;
    case cudaDevAttrMaxGridDimX: *value = 2147483647; break;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: *value = 65535; break;
    default: *value = 0;
  }
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const auto error = last_error;
  last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }
const char* cudaGetErrorName(cudaError_t) { return "an error of the dry run"; }
const char* cudaGetErrorString(cudaError_t error) {
  static thread_local char text[64];
  std::snprintf(text, sizeof text, "CUDA error %d in the dry run", int(error));
  return text;
}

cudaError_t cudaProfilerStart() { return cudaSuccess; }
cudaError_t cudaProfilerStop() { return cudaSuccess; }

}  // extern "C"
