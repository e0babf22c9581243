// What is asked of the driver itself: by LibTorch, and by the Python peer's compiled kernels. This library's own name is the driver's.
// cuda.h would declare these functions with types that matter to nobody here.
#include <cuda_runtime_api.h>

#include <string>

#include "stream.h"

namespace {

constexpr int kSuccess = 0, kInvalidValue = 1, kNotSupported = 801;
constexpr int kMaxThreads = 0;  // CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK

int nothing() { return kSuccess; }

void* const kSomething = reinterpret_cast<void*>(1);

// The beginning of a CUlaunchConfig.
struct LaunchConfig {
  unsigned grid[3], block[3], shared;
  cudaStream_t stream;
};

int launch(void* function, dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  constexpr size_t kMostShared = 232448;  // who compiled the kernel asked for what it needs
  return dry_cuda::launch(*static_cast<std::string*>(function), grid, block, shared, kMostShared, stream) ? kSuccess : kInvalidValue;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDriverEntryPointByVersion(const char*, void** function, unsigned, unsigned long long, cudaDriverEntryPointQueryResult* result) {
  *function = reinterpret_cast<void*>(&nothing);
  if (result) *result = cudaDriverEntryPointSuccess;
  return cudaSuccess;
}

int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* active) { return *flags = 0, *active = 1, kSuccess; }
int cuDevicePrimaryCtxRetain(void** context, int) { return *context = kSomething, kSuccess; }
int cuGetErrorString(int, const char** text) { return *text = "an error of the dry run", kSuccess; }
int cuCtxGetCurrent(void** context) { return *context = kSomething, kSuccess; }
int cuCtxSetCurrent(void*) { return kSuccess; }
int cuCtxGetLimit(size_t* value, int) { return *value = 0, kSuccess; }
int cuCtxSetLimit(int, size_t) { return kSuccess; }
int cuDeviceGet(int* device, int) { return *device = 0, kSuccess; }
int cuDeviceGetAttribute(int* value, int attribute, int device) { return int(cudaDeviceGetAttribute(value, cudaDeviceAttr(attribute), device)); }

// Kernels that are compiled while the program runs; a function is its name.
int cuModuleLoad(void** module, const char*) { return *module = kSomething, kSuccess; }
int cuModuleLoadData(void** module, const void*) { return *module = kSomething, kSuccess; }
int cuModuleUnload(void*) { return kSuccess; }
int cuModuleGetFunction(void** function, void*, const char* name) { return *function = new std::string(name), kSuccess; }
int cuFuncGetAttribute(int* value, int attribute, void*) { return *value = attribute == kMaxThreads ? 1024 : 0, kSuccess; }
int cuFuncSetAttribute(void*, int, int) { return kSuccess; }
int cuFuncSetCacheConfig(void*, int) { return kSuccess; }
int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, cudaStream_t stream, void**, void**) {
  return launch(function, {gx, gy, gz}, {bx, by, bz}, shared, stream);
}
int cuLaunchKernelEx(const LaunchConfig* c, void* function, void**, void**) {
  return launch(function, {c->grid[0], c->grid[1], c->grid[2]}, {c->block[0], c->block[1], c->block[2]}, c->shared, c->stream);
}

// Asked for the device's pointer alone.
int cuPointerGetAttribute(void* value, int, void* pointer) { return *static_cast<void**>(value) = pointer, kSuccess; }

#define REFUSED(name) \
  int name() { return kNotSupported; }
REFUSED(cuLaunchCooperativeKernel)
REFUSED(cuLinkAddData_v2)
REFUSED(cuLinkComplete)
REFUSED(cuLinkCreate_v2)
REFUSED(cuModuleLoadDataEx)
REFUSED(cuOccupancyMaxActiveBlocksPerMultiprocessor)
REFUSED(cuOccupancyMaxActiveClusters)
REFUSED(cuTensorMapEncodeTiled)

}  // extern "C"
