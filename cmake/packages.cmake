# Libraries of Debian 12; packages.txt installs them. Core gets few, edge the wide ones. All but glibc are linked statically,
# into the tests too, so that what is tested is what a shop's PC runs (test/package checks it with ldd).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost 1.81 REQUIRED)
pkg_check_modules(nftables REQUIRED IMPORTED_TARGET libnftables)
find_package(spdlog REQUIRED)
pkg_check_modules(fuse3 QUIET IMPORTED_TARGET fuse3)  # only test/power has use for it
find_package(GTest QUIET)  # `make demo` needs no tests, and does not install what they need

# hf_static_package(name module archive): the headers that pkg-config names, and the archive beside the shared library.
function(hf_static_package name module archive)
  pkg_check_modules(${name} REQUIRED ${module})
  find_library(HF_${name} NAMES ${archive} HINTS ${${name}_LIBRARY_DIRS} REQUIRED)
  add_library(hf_${name} INTERFACE)
  target_include_directories(hf_${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
  target_link_libraries(hf_${name} INTERFACE ${HF_${name}})
endfunction()
hf_static_package(crypto libcrypto>=3 libcrypto.a)
hf_static_package(ssl libssl>=3 libssl.a)
target_link_libraries(hf_crypto INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
target_link_libraries(hf_ssl INTERFACE hf_crypto)
hf_static_package(sodium libsodium libsodium.a)
hf_static_package(zstd libzstd libzstd.a)

# Debian has fmt and spdlog only as shared libraries. Both are headers that can be compiled: fmt once, here; spdlog in the
# one source that uses it.
add_library(hf_fmt STATIC ${CMAKE_SOURCE_DIR}/cmake/static/fmt.cc)
get_target_property(hf_fmt_definitions fmt::fmt INTERFACE_COMPILE_DEFINITIONS)
target_compile_definitions(hf_fmt PUBLIC ${hf_fmt_definitions})
set_target_properties(spdlog::spdlog_header_only PROPERTIES INTERFACE_LINK_LIBRARIES "Threads::Threads;hf_fmt")

add_library(hf_core_packages INTERFACE)
target_link_libraries(hf_core_packages INTERFACE hf_crypto hf_sodium hf_fmt Boost::headers)

add_library(hf_edge_packages INTERFACE)
target_link_libraries(hf_edge_packages INTERFACE hf_ssl hf_zstd spdlog::spdlog_header_only Threads::Threads)

find_library(HF_RAPIDCHECK rapidcheck)
if(GTest_FOUND AND HF_RAPIDCHECK)
  set(HF_CAN_TEST ON)
else()
  set(HF_CAN_TEST OFF)
  message(STATUS "No GoogleTest or RapidCheck: the programs are built, their tests are not (tools/setup test brings them)")
endif()
add_library(hf_test_packages INTERFACE)
target_link_libraries(hf_test_packages INTERFACE GTest::gmock GTest::gtest_main rapidcheck Threads::Threads)
