// cuDNN, as far as LibTorch's convolutions and attention go: every graph of operators is found to have one plan without a workspace.
#include <cudnn.h>

#include "record.h"
#include "stream.h"

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

using namespace dry_cuda;

namespace {

template <typename Performance>
cudnnStatus_t only_algorithm(int* count, Performance* results) {
  *results = {};
  results->status = CUDNN_STATUS_SUCCESS;
  results->determinism = CUDNN_DETERMINISTIC;
  results->mathType = CUDNN_DEFAULT_MATH;
  return *count = 1, CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t counted(cudnnHandle_t handle, const char* name) { return add_launch(handle->stream, name) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED; }

}  // namespace

extern "C" {

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) { return *handle = new cudnnContext, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) { return delete handle, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) { return handle->stream = stream, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnGetStream(cudnnHandle_t handle, cudaStream_t* stream) { return *stream = handle->stream, CUDNN_STATUS_SUCCESS; }

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t, const cudnnFilterDescriptor_t, const cudnnConvolutionDescriptor_t,
                                                     const cudnnTensorDescriptor_t, int, int* count, cudnnConvolutionFwdAlgoPerf_t* results) {
  return only_algorithm(count, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, const cudnnFilterDescriptor_t, const cudnnTensorDescriptor_t, const cudnnConvolutionDescriptor_t,
                                                          const cudnnTensorDescriptor_t, int, int* count, cudnnConvolutionBwdDataAlgoPerf_t* results) {
  return only_algorithm(count, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t, const cudnnTensorDescriptor_t, const cudnnConvolutionDescriptor_t,
                                                            const cudnnFilterDescriptor_t, int, int* count, cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  return only_algorithm(count, results);
}
cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t, const cudnnFilterDescriptor_t, const cudnnConvolutionDescriptor_t,
                                                      const cudnnTensorDescriptor_t, cudnnConvolutionFwdAlgo_t, size_t* size) {
  return *size = 0, CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void*, const cudnnTensorDescriptor_t, const void*, const cudnnFilterDescriptor_t, const void*,
                                      const cudnnConvolutionDescriptor_t, cudnnConvolutionFwdAlgo_t, void*, size_t, const void*, const cudnnTensorDescriptor_t, void*) {
  return counted(handle, "cudnnConvolutionForward");
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void*, const cudnnFilterDescriptor_t, const void*, const cudnnTensorDescriptor_t, const void*,
                                           const cudnnConvolutionDescriptor_t, cudnnConvolutionBwdDataAlgo_t, void*, size_t, const void*, const cudnnTensorDescriptor_t, void*) {
  return counted(handle, "cudnnConvolutionBackwardData");
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void*, const cudnnTensorDescriptor_t, const void*, const cudnnTensorDescriptor_t, const void*,
                                             const cudnnConvolutionDescriptor_t, cudnnConvolutionBwdFilterAlgo_t, void*, size_t, const void*, const cudnnFilterDescriptor_t, void*) {
  return counted(handle, "cudnnConvolutionBackwardFilter");
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t, cudnnBackendDescriptor_t* descriptor) { return *descriptor = new char, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) { return delete static_cast<char*>(descriptor), CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnBackendInitialize(cudnnBackendDescriptor_t) { return CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t) { return CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t, cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, int64_t, const void*) { return CUDNN_STATUS_SUCCESS; }

// One of everything that is a descriptor (the caller's own, already made), zeros, and none of the lists of notes and knobs.
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t, cudnnBackendAttributeName_t, cudnnBackendAttributeType_t type, int64_t requested, int64_t* count, void* values) {
  const bool one = type == CUDNN_TYPE_BACKEND_DESCRIPTOR || type == CUDNN_TYPE_INT64;
  if (count) *count = one ? 1 : 0;
  if (values && requested > 0) {
    if (type == CUDNN_TYPE_INT64) *static_cast<int64_t*>(values) = 0;
    if (type == CUDNN_TYPE_INT32) *static_cast<int32_t*>(values) = 0;
  }
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t, cudnnBackendDescriptor_t) { return counted(handle, "cudnnBackendExecute"); }

}  // extern "C"
