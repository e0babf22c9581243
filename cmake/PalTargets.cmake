# pal_library(NAME [TORCH] [PLAIN file ...] DEPENDS ...): src/NAME/*.cpp as the static library pal_NAME, with tests/NAME/*_test.cpp
# as the program NAME_tests. TORCH: it includes torch's headers and shares the one precompiled header.
# PLAIN: its files (without ending) that include nothing of torch; reading the header costs each of the others seconds.
# The sources that need no torch (all of a library without TORCH) are also in the global property PAL_PLAIN_SOURCES_NAME.
set_property(GLOBAL PROPERTY PAL_LIBRARIES "")

add_library(pal_pch OBJECT ${PROJECT_SOURCE_DIR}/src/pch.cpp)
target_link_libraries(pal_pch PRIVATE LibTorch::torch pal_compiler)
target_precompile_headers(pal_pch PRIVATE ${PROJECT_SOURCE_DIR}/src/pch.h)

function(pal_use_torch target)
  target_link_libraries(${target} PUBLIC LibTorch::torch)
  target_precompile_headers(${target} REUSE_FROM pal_pch)
endfunction()

function(pal_library name)
  cmake_parse_arguments(arg "TORCH" "" "PLAIN;DEPENDS;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(pal_${name} STATIC ${sources})
  target_include_directories(pal_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  foreach(other ${arg_DEPENDS})
    if(TARGET pal_${other})  # a folder that has no sources yet is no library
      target_link_libraries(pal_${name} PUBLIC pal_${other})
    endif()
  endforeach()
  target_link_libraries(pal_${name} PUBLIC ${arg_LINKS} PRIVATE $<BUILD_INTERFACE:pal_compiler>)
  if(arg_TORCH)
    pal_use_torch(pal_${name})
    list(TRANSFORM arg_PLAIN REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/src/${name}/\\1.cpp" OUTPUT_VARIABLE sources)
  endif()
  set_property(GLOBAL PROPERTY PAL_PLAIN_SOURCES_${name} ${sources})
  foreach(file ${arg_PLAIN})
    set_source_files_properties(${PROJECT_SOURCE_DIR}/src/${name}/${file}.cpp ${PROJECT_SOURCE_DIR}/tests/${name}/${file}_test.cpp
                                PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endforeach()
  set_target_properties(pal_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY PAL_LIBRARIES pal_${name})

  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp)
  if(PAL_BUILD_TESTS AND tests)
    pal_test_program(${name}_tests ${tests})
    target_link_libraries(${name}_tests PRIVATE pal_${name})
    if(arg_TORCH)
      target_precompile_headers(${name}_tests REUSE_FROM pal_pch)
    endif()
  endif()
endfunction()

# A GoogleTest program; ctest runs it whole (one start of LibTorch a program, not one a test).
function(pal_test_program target)
  find_package(GTest REQUIRED)
  add_executable(${target} ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE PAL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE pal_compiler GTest::gmock GTest::gtest_main)
  add_test(NAME ${target} COMMAND ${target} --gtest_brief=1 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${target} PROPERTIES TIMEOUT 600)
endfunction()
