# LibTorch from the PyPI wheel or a LibTorch zip, as the imported target LibTorch::torch.
#
# Why not find_package(Torch): it wants a CUDA toolkit on the machine, and it adds torch's include
# folders with -isystem, where the wheel's own fmt 12 shadows the system's fmt and breaks spdlog.
# Here they come last (-idirafter), so every other library finds its own headers first.
#
#   PAL_TORCH_DIR   folder that holds include/torch and lib/libtorch.so (cache variable or environment)
set(PAL_TORCH_DIR "$ENV{PAL_TORCH_DIR}" CACHE PATH "Folder with LibTorch's include/ and lib/")
if(NOT PAL_TORCH_DIR AND DEFINED ENV{PAL_TORCH_DIR})
  set(PAL_TORCH_DIR "$ENV{PAL_TORCH_DIR}" CACHE PATH "" FORCE)
endif()

find_path(LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/torch.h
          PATHS ${PAL_TORCH_DIR}/include NO_DEFAULT_PATH)
find_library(LibTorch_LIBRARY torch PATHS ${PAL_TORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${PAL_TORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${PAL_TORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS ${PAL_TORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS ${PAL_TORCH_DIR}/lib NO_DEFAULT_PATH)
# The wheel's companions: what the NCCL backend's header includes.
find_path(LibTorch_NCCL_INCLUDE_DIR nccl.h PATHS ${PAL_TORCH_DIR}/../nvidia/nccl/include NO_DEFAULT_PATH)
find_path(LibTorch_CUDA_INCLUDE_DIR cuda_runtime_api.h PATHS ${PAL_TORCH_DIR}/../nvidia/cu13/include ${PAL_TORCH_DIR}/../nvidia/cuda_runtime/include NO_DEFAULT_PATH)
find_library(LibTorch_CUDART_LIBRARY NAMES libcudart.so.13 libcudart.so.12 PATHS ${PAL_TORCH_DIR}/../nvidia/cu13/lib ${PAL_TORCH_DIR}/../nvidia/cuda_runtime/lib NO_DEFAULT_PATH)
# The OpenMP that LibTorch computes with: a second one beside it would start as many threads again.
find_library(LibTorch_OPENMP_LIBRARY NAMES libgomp.so.1 PATHS ${PAL_TORCH_DIR}/lib NO_DEFAULT_PATH)
mark_as_advanced(LibTorch_OPENMP_LIBRARY LibTorch_CUDART_LIBRARY LibTorch_NCCL_INCLUDE_DIR LibTorch_CUDA_INCLUDE_DIR LibTorch_INCLUDE_DIR LibTorch_LIBRARY LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
                 LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_LIBRARY LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "set PAL_TORCH_DIR to the folder named torch of the torch wheel, or run tools/setup.sh, which installs one")

# pal_use_nccl(FILE): the file sees c10d's NCCL where LibTorch has one.
function(pal_use_nccl file)
  set_source_files_properties(${file} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  if(LibTorch_CUDA_LIBRARY AND LibTorch_NCCL_INCLUDE_DIR AND LibTorch_CUDA_INCLUDE_DIR)
    set_source_files_properties(${file} PROPERTIES COMPILE_DEFINITIONS USE_C10D_NCCL
      COMPILE_OPTIONS "-idirafter${LibTorch_NCCL_INCLUDE_DIR};-idirafter${LibTorch_CUDA_INCLUDE_DIR}")
  endif()
endfunction()

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch)
  add_library(LibTorch::torch INTERFACE IMPORTED)
  set_target_properties(LibTorch::torch PROPERTIES
    INTERFACE_COMPILE_OPTIONS
      "SHELL:-idirafter ${LibTorch_INCLUDE_DIR};SHELL:-idirafter ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_COMPILE_DEFINITIONS "USE_DISTRIBUTED;USE_C10D_GLOO")
  # torch_cuda registers its kernels when it is loaded; nothing names its symbols, so keep it by force.
  set(_torch_libraries ${LibTorch_LIBRARY} ${LibTorch_CPU_LIBRARY} ${LibTorch_C10_LIBRARY})
  if(LibTorch_CUDA_LIBRARY)
    list(APPEND _torch_libraries ${LibTorch_CUDA_LIBRARY} ${LibTorch_C10_CUDA_LIBRARY})
  endif()
  if(LibTorch_CUDART_LIBRARY)
    list(APPEND _torch_libraries ${LibTorch_CUDART_LIBRARY})  # what pal's own kernels are launched by
  endif()
  if(LibTorch_OPENMP_LIBRARY)
    list(APPEND _torch_libraries ${LibTorch_OPENMP_LIBRARY})
  endif()
  # The wheel's libraries export parts of an older std::filesystem that crash; libstdc++ must be searched first.
  target_link_libraries(LibTorch::torch INTERFACE "-Wl,--no-as-needed" stdc++ ${_torch_libraries})
endif()
