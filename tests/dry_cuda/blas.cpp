// Products of cuBLAS: what it would refuse is refused, the others are counted.
#include <cublasLt.h>
#include <cublas_v2.h>

#include <algorithm>
#include <string>

#include "memory.h"
#include "record.h"
#include "stream.h"

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasPointerMode_t pointer_mode = CUBLAS_POINTER_MODE_HOST;
  cublasMath_t math_mode = CUBLAS_DEFAULT_MATH;
};

using namespace dry_cuda;

namespace {

// A matrix as it lies there, column by column.
struct Layout {
  int64_t rows, columns, stride;

  bool fits(const void* data) const { return is_on_current_device(data) && stride >= std::max<int64_t>(1, rows); }
  Layout read(bool transposed) const { return transposed ? Layout{columns, rows, stride} : *this; }
};

struct Operand {
  const void* data;
  int stride;
};

// What is read as [rows, columns].
bool fits(const Operand& operand, bool transposed, int rows, int columns) { return Layout{rows, columns, operand.stride}.read(transposed).fits(operand.data); }

cublasStatus_t product(cublasHandle_t handle, const char* name, bool ta, bool tb, int m, int n, int k, Operand a, Operand b, Operand c, int count = 1) {
  const std::string shape = std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k) + (count == 1 ? "" : ", " + std::to_string(count) + " times");
  if (!fits(a, ta, m, k) || !fits(b, tb, k, n) || !fits(c, false, m, n)) return fault(std::string(name) + " of " + shape), CUBLAS_STATUS_INVALID_VALUE;
  return add_launch(handle->stream, std::string(name) + " " + shape) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

// What cuBLASLt's descriptors are: a Layout, and which operands are read transposed.
struct Transposed {
  bool a = false, b = false;
};

template <typename T>
T& inside(void* handle) {
  return *static_cast<T*>(handle);
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) { return *handle = new cublasContext, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) { return delete handle, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) { return handle->stream = stream, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void*, size_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) { return handle->math_mode = mode, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) { return *mode = handle->math_mode, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) { return handle->pointer_mode = mode, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t* mode) { return *mode = handle->pointer_mode, CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasSgemm_v2(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float*, const float* a, int lda, const float* b, int ldb,
                              const float*, float* c, int ldc) {
  return product(h, "cublasSgemm", ta, tb, m, n, k, {a, lda}, {b, ldb}, {c, ldc});
}
cublasStatus_t cublasDgemm_v2(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const double*, const double* a, int lda, const double* b, int ldb,
                              const double*, double* c, int ldc) {
  return product(h, "cublasDgemm", ta, tb, m, n, k, {a, lda}, {b, ldb}, {c, ldc});
}
cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void*, const void* a, cudaDataType, int lda, const void* b,
                            cudaDataType, int ldb, const void*, void* c, cudaDataType, int ldc, cublasComputeType_t, cublasGemmAlgo_t) {
  return product(h, "cublasGemmEx", ta, tb, m, n, k, {a, lda}, {b, ldb}, {c, ldc});
}
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void*, const void* a, cudaDataType, int lda,
                                          long long, const void* b, cudaDataType, int ldb, long long, const void*, void* c, cudaDataType, int ldc, long long, int count,
                                          cublasComputeType_t, cublasGemmAlgo_t) {
  return product(h, "cublasGemmStridedBatchedEx", ta, tb, m, n, k, {a, lda}, {b, ldb}, {c, ldc}, count);
}
cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float*, const float* a, int lda, long long,
                                         const float* b, int ldb, long long, const float*, float* c, int ldc, long long, int count) {
  return product(h, "cublasSgemmStridedBatched", ta, tb, m, n, k, {a, lda}, {b, ldb}, {c, ldc}, count);
}
cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const double*, const double* a, int lda, long long,
                                         const double* b, int ldb, long long, const double*, double* c, int ldc, long long, int count) {
  return product(h, "cublasDgemmStridedBatched", ta, tb, m, n, k, {a, lda}, {b, ldb}, {c, ldc}, count);
}

size_t cublasLtGetVersion() { return CUBLAS_VERSION; }
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* p, cublasComputeType_t, cudaDataType_t) { return *p = reinterpret_cast<cublasLtMatmulDesc_t>(new Transposed), CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t p) { return delete &inside<Transposed>(p), CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t p, cublasLtMatmulDescAttributes_t what, const void* value, size_t) {
  if (what == CUBLASLT_MATMUL_DESC_TRANSA) inside<Transposed>(p).a = *static_cast<const cublasOperation_t*>(value) != CUBLAS_OP_N;
  if (what == CUBLASLT_MATMUL_DESC_TRANSB) inside<Transposed>(p).b = *static_cast<const cublasOperation_t*>(value) != CUBLAS_OP_N;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* p) { return *p = reinterpret_cast<cublasLtMatmulPreference_t>(1), CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t, const void*, size_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* p, cudaDataType, uint64_t rows, uint64_t columns, int64_t stride) {
  return *p = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{int64_t(rows), int64_t(columns), stride}), CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t p) { return delete &inside<Layout>(p), CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t, cublasLtMatrixLayoutAttribute_t, const void*, size_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t* results, int* count) {
  results[0] = {};
  results[0].state = CUBLAS_STATUS_SUCCESS;
  return *count = 1, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t transposed, const void*, const void* a, cublasLtMatrixLayout_t of_a, const void* b, cublasLtMatrixLayout_t of_b, const void*,
                              const void* c, cublasLtMatrixLayout_t of_c, void* d, cublasLtMatrixLayout_t of_d, const cublasLtMatmulAlgo_t*, void*, size_t, cudaStream_t stream) {
  const auto left = inside<Layout>(of_a).read(inside<Transposed>(transposed).a), right = inside<Layout>(of_b).read(inside<Transposed>(transposed).b);
  const auto &given = inside<Layout>(of_c), &result = inside<Layout>(of_d);
  const bool is_product = left.columns == right.rows && result.rows == left.rows && result.columns == right.columns && given.rows == result.rows && given.columns == result.columns;
  const bool lie_there = inside<Layout>(of_a).fits(a) && inside<Layout>(of_b).fits(b) && (!c || given.fits(c)) && result.fits(d);
  const auto name = "cublasLtMatmul " + std::to_string(left.rows) + " x " + std::to_string(right.columns) + " x " + std::to_string(left.columns);
  if (!is_product || !lie_there) return fault(name), CUBLAS_STATUS_INVALID_VALUE;
  return add_launch(stream, name) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
