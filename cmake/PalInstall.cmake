# cmake --install: headers, one static library a folder, and find_package(pal) with the target pal::pal.
include(CMakePackageConfigHelpers)
get_property(libraries GLOBAL PROPERTY PAL_LIBRARIES)

add_library(pal INTERFACE)
target_link_libraries(pal INTERFACE ${libraries})
add_library(pal::pal ALIAS pal)

install(DIRECTORY include/pal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS pal ${libraries} EXPORT palTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT palTargets NAMESPACE pal:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/pal)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/pal)
configure_package_config_file(cmake/palConfig.cmake.in ${CMAKE_BINARY_DIR}/palConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/palConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/palConfig.cmake ${CMAKE_BINARY_DIR}/palConfigVersion.cmake
              cmake/PalDependencies.cmake cmake/FindLibTorch.cmake cmake/FindLibCsv.cmake DESTINATION ${package_folder})
