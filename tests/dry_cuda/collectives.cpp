// NCCL: what is sent is counted, and arrives as nothing. Processes must agree among themselves (LibTorch's store, which is real) when to call.
#include <nccl.h>

#include <cstring>

#include "memory.h"
#include "record.h"
#include "stream.h"

struct ncclComm {
  int rank, size;
};

using namespace dry_cuda;

namespace {

ncclResult_t collective(const char* name, const void* from, const void* to, cudaStream_t stream) {
  if (!is_on_current_device(from) || !is_on_current_device(to)) return fault(std::string(name) + " of what is not the device's"), ncclInvalidArgument;
  return add_launch(stream, name) ? ncclSuccess : ncclInvalidUsage;
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) { return *version = NCCL_VERSION_CODE, ncclSuccess; }
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) { return std::memset(id, 1, sizeof *id), ncclSuccess; }
const char* ncclGetErrorString(ncclResult_t) { return "an error of the dry run"; }
const char* ncclGetLastError(ncclComm_t) { return "an error of the dry run"; }

ncclResult_t ncclCommInitRank(ncclComm_t* comm, int size, ncclUniqueId, int rank) { return *comm = new ncclComm{rank, size}, ncclSuccess; }
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId, int rank, ncclConfig_t*) { return *comm = new ncclComm{rank, size}, ncclSuccess; }
ncclResult_t ncclCommInitRankScalable(ncclComm_t* comm, int size, int rank, int, ncclUniqueId*, ncclConfig_t*) { return *comm = new ncclComm{rank, size}, ncclSuccess; }
ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclSuccess; }
ncclResult_t ncclCommDestroy(ncclComm_t comm) { return delete comm, ncclSuccess; }
ncclResult_t ncclCommAbort(ncclComm_t comm) { return delete comm, ncclSuccess; }
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* error) { return *error = ncclSuccess, ncclSuccess; }
ncclResult_t ncclCommCount(const ncclComm_t comm, int* count) { return *count = comm->size, ncclSuccess; }
ncclResult_t ncclCommUserRank(const ncclComm_t comm, int* rank) { return *rank = comm->rank, ncclSuccess; }
ncclResult_t ncclCommRegister(const ncclComm_t, void*, size_t, void** handle) { return *handle = nullptr, ncclSuccess; }
ncclResult_t ncclCommDeregister(const ncclComm_t, void*) { return ncclSuccess; }
ncclResult_t ncclGroupStart() { return ncclSuccess; }
ncclResult_t ncclGroupEnd() { return ncclSuccess; }

ncclResult_t ncclAllReduce(const void* from, void* to, size_t, ncclDataType_t, ncclRedOp_t, ncclComm_t, cudaStream_t stream) { return collective("ncclAllReduce", from, to, stream); }
ncclResult_t ncclBroadcast(const void* from, void* to, size_t, ncclDataType_t, int, ncclComm_t, cudaStream_t stream) { return collective("ncclBroadcast", from, to, stream); }
ncclResult_t ncclBcast(void* data, size_t, ncclDataType_t, int, ncclComm_t, cudaStream_t stream) { return collective("ncclBcast", data, data, stream); }
ncclResult_t ncclReduce(const void* from, void* to, size_t, ncclDataType_t, ncclRedOp_t, int, ncclComm_t, cudaStream_t stream) { return collective("ncclReduce", from, to, stream); }
ncclResult_t ncclAllGather(const void* from, void* to, size_t, ncclDataType_t, ncclComm_t, cudaStream_t stream) { return collective("ncclAllGather", from, to, stream); }
ncclResult_t ncclReduceScatter(const void* from, void* to, size_t, ncclDataType_t, ncclRedOp_t, ncclComm_t, cudaStream_t stream) {
  return collective("ncclReduceScatter", from, to, stream);
}
ncclResult_t ncclSend(const void* from, size_t, ncclDataType_t, int, ncclComm_t, cudaStream_t stream) { return collective("ncclSend", from, from, stream); }
ncclResult_t ncclRecv(void* to, size_t, ncclDataType_t, int, ncclComm_t, cudaStream_t stream) { return collective("ncclRecv", to, to, stream); }

}  // extern "C"
