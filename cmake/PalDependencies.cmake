# Everything pal links: Debian packages, and LibTorch (cmake/FindLibTorch.cmake). Included by the build
# and, installed beside palConfig.cmake, by whoever calls find_package(pal).
find_package(LibTorch REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sndfile REQUIRED IMPORTED_TARGET sndfile)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET sentencepiece)
