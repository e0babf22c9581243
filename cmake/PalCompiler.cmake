# Warnings, sanitizers and ccache for everything that pal builds.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(PAL_CCACHE ccache)
if(PAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache keys a precompiled header by its content only if it may ignore its time stamps.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${PAL_CCACHE})
endif()

add_library(pal_compiler INTERFACE)
# -fPIC everywhere, programs too: the shared precompiled header must be built with the same flags as its users.
target_compile_options(pal_compiler INTERFACE -fPIC -Wall -Wextra -Wno-unused-parameter)
# Without NDEBUG, LibTorch's headers declare other classes (at::RecordFunction has a member more) than those that the library was built with.
target_compile_definitions(pal_compiler INTERFACE $<$<NOT:$<CONFIG:Release>>:NDEBUG>)
if(PAL_CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(pal_compiler INTERFACE -fpch-preprocess)
endif()

# pal_use_openmp(TARGET): its loops run in LibTorch's threads; in one under sanitizers, which do not know that runtime, and with other compilers.
function(pal_use_openmp target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND LibTorch_OPENMP_LIBRARY AND NOT PAL_SANITIZE)
    target_compile_options(${target} PRIVATE -O3 -fopenmp)
    target_link_libraries(${target} PUBLIC LibTorch::torch)
  else()
    target_compile_options(${target} PRIVATE -O3 -fopenmp-simd -Wno-unknown-pragmas)
  endif()
endfunction()

if(PAL_SANITIZE)
  target_compile_options(pal_compiler INTERFACE -fsanitize=${PAL_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(pal_compiler INTERFACE -fsanitize=${PAL_SANITIZE})
endif()
