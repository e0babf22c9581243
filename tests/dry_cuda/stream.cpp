#include "stream.h"

#include <algorithm>

#include "memory.h"
#include "record.h"

using dry_cuda::Capture;
using Captured = std::shared_ptr<Capture>;

struct CUstream_st {
  Captured capture;
  int device = 0;
};

struct CUevent_st {
  Captured capture;  // of the stream where it was recorded
  cudaStream_t stream = nullptr;
  std::chrono::steady_clock::time_point time;
};

struct CUgraph_st {
  std::vector<std::string> nodes;
};

struct CUgraphExec_st {
  std::vector<std::string> nodes;
};

namespace dry_cuda {
namespace {

std::recursive_mutex mutex;
CUstream_st default_stream;
std::set<Captured> running;
thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

CUstream_st& of(cudaStream_t stream) { return stream ? *stream : default_stream; }

// Whether a recording forbids this thread what cannot be recorded.
bool is_forbidding() {
  if (thread_mode == cudaStreamCaptureModeRelaxed) return false;
  return std::ranges::any_of(running, [](const Captured& c) {
    return c->mode == cudaStreamCaptureModeGlobal || (c->mode == cudaStreamCaptureModeThreadLocal && c->owner == std::this_thread::get_id());
  });
}

int device_of(cudaStream_t stream) { return stream ? stream->device : current_device(); }

void add(cudaStream_t stream, const std::string& name, Counts& counts) {
  std::lock_guard lock(mutex);
  if (auto& capture = of(stream).capture) {
    capture->nodes.push_back(name);
    if (stream != capture->origin) capture->unjoined.insert(stream);
    return;
  }
  if (!running.empty()) fault(name + " was launched beside a recording, into which it does not go");
  auto& r = record();
  std::lock_guard records(r.mutex);
  ++counts[name];
  ++r.devices[name_of_device(device_of(stream))];
}

}  // namespace

bool add_launch(cudaStream_t stream, const std::string& name) {
  if (device_of(stream) == current_device()) return add(stream, name, record().launches), true;
  fault(name + " in a stream of " + name_of_device(device_of(stream)) + " while " + name_of_device(current_device()) + " is the current one");
  return false;
}
void add_copy(cudaStream_t stream, const std::string& name) { add(stream, name, record().copies); }

bool may_call(const char* function) {
  std::lock_guard lock(mutex);
  if (!is_forbidding()) return true;
  fault(std::string(function) + " was called during a recording");
  for (auto& capture : running) capture->broken = true;
  return false;
}

bool may_wait(const char* function, cudaStream_t stream) {
  std::lock_guard lock(mutex);
  if (of(stream).capture || is_forbidding()) {
    fault(std::string(function) + " was called during a recording");
    for (auto& capture : running) capture->broken = true;
    return false;
  }
  auto& r = record();
  std::lock_guard records(r.mutex);
  ++r.waits[function];
  return true;
}

}  // namespace dry_cuda

using namespace dry_cuda;

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return *stream = new CUstream_st{.capture = nullptr, .device = current_device()}, cudaSuccess; }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) { return cudaStreamCreate(stream); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return delete stream, cudaSuccess; }
cudaError_t cudaStreamGetPriority(cudaStream_t, int* priority) { return *priority = 0, cudaSuccess; }
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) { return *least = 0, *greatest = -5, cudaSuccess; }
cudaError_t cudaStreamQuery(cudaStream_t) { return cudaSuccess; }

cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return may_wait("cudaStreamSynchronize", stream) ? cudaSuccess : cudaErrorStreamCaptureUnsupported; }
cudaError_t cudaDeviceSynchronize() { return may_wait("cudaDeviceSynchronize", nullptr) ? cudaSuccess : cudaErrorStreamCaptureUnsupported; }

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  std::lock_guard lock(mutex);
  auto& waiting = of(stream);
  if (event->capture && !running.contains(event->capture)) return fault("a stream waits for an event of a recording that has ended"), cudaErrorCapturedEvent;
  if (!event->capture) {
    if (waiting.capture) {
      fault("a stream that is recorded waits for an event from outside of the recording");
      waiting.capture->broken = true;
      return cudaErrorStreamCaptureIsolation;
    }
    return cudaSuccess;
  }
  if (waiting.capture && waiting.capture != event->capture) return fault("a stream waits for another recording"), cudaErrorStreamCaptureMerge;
  waiting.capture = event->capture;
  auto& capture = *event->capture;
  stream == capture.origin ? capture.unjoined.erase(event->stream) : capture.joined.insert(stream).second;
  return cudaSuccess;
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* data, unsigned) { return callback(stream, cudaSuccess, data), cudaSuccess; }
cudaError_t cudaLaunchHostFunc(cudaStream_t, cudaHostFn_t function, void* data) { return function(data), cudaSuccess; }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return *event = new CUevent_st, cudaSuccess; }
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  std::lock_guard lock(mutex);
  event->capture = of(stream).capture;
  event->stream = stream;
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) { return cudaEventRecordWithFlags(event, stream, 0); }

cudaError_t cudaEventQuery(cudaEvent_t event) {
  std::lock_guard lock(mutex);
  if (event->capture && running.contains(event->capture)) return fault("cudaEventQuery of an event that is being recorded"), cudaErrorCapturedEvent;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return may_wait("cudaEventSynchronize", event->stream) ? cudaSuccess : cudaErrorStreamCaptureUnsupported; }
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end) {
  *ms = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) { return std::swap(*mode, thread_mode), cudaSuccess; }

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  std::lock_guard lock(mutex);
  if (!stream) return fault("the default stream cannot be recorded"), cudaErrorStreamCaptureUnsupported;
  static unsigned long long ids = 0;
  stream->capture = std::make_shared<Capture>(Capture{.id = ++ids, .origin = stream, .mode = mode, .owner = std::this_thread::get_id(), .nodes = {}});
  running.insert(stream->capture);
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  std::lock_guard lock(mutex);
  const auto& capture = of(stream).capture;
  *status = !capture ? cudaStreamCaptureStatusNone : capture->broken ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id, cudaGraph_t* graph, const cudaGraphNode_t** nodes,
                                     const cudaGraphEdgeData** edges, size_t* count) {
  std::lock_guard lock(mutex);
  cudaStreamIsCapturing(stream, status);
  if (const auto& capture = of(stream).capture; capture && id) *id = capture->id;
  if (graph) *graph = nullptr;
  if (nodes) *nodes = nullptr;
  if (edges) *edges = nullptr;
  if (count) *count = 0;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  std::lock_guard lock(mutex);
  const auto capture = of(stream).capture;
  if (!capture) return fault("the end of a recording that was not begun"), cudaErrorIllegalState;
  stream->capture = nullptr;
  for (auto joined : capture->joined) of(joined).capture = nullptr;
  running.erase(capture);
  if (capture->broken) return *graph = nullptr, cudaErrorStreamCaptureInvalidated;
  if (!capture->unjoined.empty()) return fault("a recording ends while another stream has not been waited for"), *graph = nullptr, cudaErrorStreamCaptureUnjoined;
  *graph = new CUgraph_st{capture->nodes};
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) { return *executable = new CUgraphExec_st{graph->nodes}, cudaSuccess; }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) { return *executable = new CUgraphExec_st{graph->nodes}, cudaSuccess; }
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return delete executable, cudaSuccess; }
cudaError_t cudaGraphDebugDotPrint(cudaGraph_t, const char*, unsigned) { return cudaSuccess; }
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, size_t* count) { return *count = graph->nodes.size(), cudaSuccess; }
cudaError_t cudaGraphNodeGetDependencies(cudaGraphNode_t, cudaGraphNode_t*, cudaGraphEdgeData*, size_t* count) { return *count = 0, cudaSuccess; }

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  std::lock_guard lock(mutex);
  if (of(stream).capture) return fault("a graph is launched into a recording"), cudaErrorStreamCaptureUnsupported;
  auto& r = record();
  std::lock_guard records(r.mutex);
  ++r.graph_launches;
  for (const auto& node : executable->nodes) ++r.replayed[node];
  r.devices[name_of_device(device_of(stream))] += long(executable->nodes.size());
  return cudaSuccess;
}

}  // extern "C"
