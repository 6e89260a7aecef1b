# Libraries of Debian 12; packages.txt installs them. Core gets few, edge the wide ones.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost 1.81 REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(nftables REQUIRED IMPORTED_TARGET libnftables)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
find_package(spdlog REQUIRED)
find_package(GTest QUIET)  # `make demo` needs no tests, and does not install what they need

add_library(hf_core_packages INTERFACE)
target_link_libraries(hf_core_packages INTERFACE OpenSSL::Crypto PkgConfig::sodium fmt::fmt Boost::headers)

add_library(hf_edge_packages INTERFACE)
target_link_libraries(hf_edge_packages INTERFACE OpenSSL::SSL PkgConfig::zstd PkgConfig::sqlite spdlog::spdlog
                                                 Threads::Threads)

find_library(HF_RAPIDCHECK rapidcheck)
if(GTest_FOUND AND HF_RAPIDCHECK)
  set(HF_CAN_TEST ON)
else()
  set(HF_CAN_TEST OFF)
  message(STATUS "No GoogleTest or RapidCheck: the programs are built, their tests are not (tools/setup test brings them)")
endif()
add_library(hf_test_packages INTERFACE)
target_link_libraries(hf_test_packages INTERFACE GTest::gmock GTest::gtest_main rapidcheck Threads::Threads)
