# The CUDA kernels, src/kernels/*.cu, as the static library pal_kernels, where nvcc and a LibTorch with CUDA are found; no GPU is needed.
# Without them everything works that works without a GPU, and on one by LibTorch's own operators.
#
# nvcc is run by a command of our own, not as CMake's CUDA language: that would have whoever links pal enable it, too, and link a second
# CUDA runtime beside the one that LibTorch brings.
set(PAL_CUDA AUTO CACHE STRING "Compile the CUDA kernels: AUTO (where nvcc is found), ON, OFF")
set_property(CACHE PAL_CUDA PROPERTY STRINGS AUTO ON OFF)

# tools/setup.sh installs one where there is none, and says so by this variable.
find_program(PAL_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin PATHS /usr/local/cuda/bin)
mark_as_advanced(PAL_NVCC)

set(PAL_HAS_KERNELS OFF)
if(PAL_CUDA AND PAL_NVCC AND LibTorch_CUDA_LIBRARY AND LibTorch_CUDART_LIBRARY AND LibTorch_CUDA_INCLUDE_DIR AND NOT PAL_SANITIZE)
  set(PAL_HAS_KERNELS ON)
elseif(PAL_CUDA AND NOT PAL_CUDA STREQUAL "AUTO")
  message(FATAL_ERROR "PAL_CUDA is ON, but not all is there: nvcc '${PAL_NVCC}', LibTorch's CUDA '${LibTorch_CUDA_LIBRARY}', its runtime '${LibTorch_CUDART_LIBRARY}'; sanitizers '${PAL_SANITIZE}'")
endif()
message(STATUS "CUDA kernels: ${PAL_HAS_KERNELS}")

# Machine code for A100 and H100, and PTX that later GPUs translate.
set(PAL_CUDA_TARGETS -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90a,code=sm_90a -gencode arch=compute_80,code=compute_80)

# pal_add_cuda_kernels(): to the library pal_kernels.
function(pal_add_cuda_kernels)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/*.cu)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/kernels)
  file(MAKE_DIRECTORY ${folder})
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    set(object ${folder}/${name}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${PAL_CCACHE} ${PAL_NVCC} -std=c++20 -O3 -ccbin ${CMAKE_CXX_COMPILER} -Xcompiler=-fPIC,-Wall,-Wextra -I${PROJECT_SOURCE_DIR}/include ${PAL_CUDA_TARGETS}
              -MD -MF ${object}.d -c ${source} -o ${object}
      DEPENDS ${source} DEPFILE ${object}.d COMMENT "Building CUDA object ${name}.o" VERBATIM)
    target_sources(pal_kernels PRIVATE ${object})
  endforeach()
  target_compile_definitions(pal_kernels PRIVATE PAL_HAS_KERNELS)
  target_link_libraries(pal_kernels PUBLIC LibTorch::torch)  # for its CUDA runtime
endfunction()

# pal_use_cuda_stream(FILE): the file sees LibTorch's CUDA streams where there are kernels.
function(pal_use_cuda_stream file)
  set_source_files_properties(${file} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  if(PAL_HAS_KERNELS)
    set_source_files_properties(${file} PROPERTIES COMPILE_DEFINITIONS PAL_HAS_KERNELS COMPILE_OPTIONS "-idirafter${LibTorch_CUDA_INCLUDE_DIR}")
  endif()
endfunction()
