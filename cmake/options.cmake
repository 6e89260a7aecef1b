# Flags that every target shares. Sanitizers and fuzzing are chosen by preset (CMakePresets.json).
option(HF_ASAN "AddressSanitizer and UBSan" OFF)
option(HF_TSAN "ThreadSanitizer" OFF)
option(HF_FUZZ "libFuzzer targets (clang)" OFF)
option(HF_BENCH "benchmarks" OFF)
option(HF_UNITY "several files at a time (cmake/rooms.cmake)" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# A check that release builds drop is a check that users do not have: NDEBUG is never defined.
foreach(kind RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REGEX REPLACE "[-/]DNDEBUG" "" CMAKE_CXX_FLAGS_${kind} "${CMAKE_CXX_FLAGS_${kind}}")
endforeach()
# -O2 builds faster than CMake's -O3 and measures the same; line numbers, so that a stack trace can be read.
string(REPLACE "-O3" "-O2 -g1" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
if(HF_ASAN OR HF_TSAN OR HF_FUZZ)
  # As both sanitizers' manuals advise; it builds a quarter faster than -O2, and the tests take as long.
  string(REPLACE "-O2" "-O1" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # At -O2, g++ 12 raises false alarms over moved std::variants, inlined copies of short vectors and std::string sums
  # (GCC bugs 105562, 105329, 107852). What these look for, asan finds; -O1 builds still say it.
  string(APPEND CMAKE_CXX_FLAGS_RELEASE
         " -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict")
endif()

find_program(HF_CCACHE ccache)
if(HF_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HF_CCACHE})
endif()

add_library(hf_options INTERFACE)
target_compile_options(hf_options INTERFACE -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                            -Wno-missing-field-initializers -fno-omit-frame-pointer -msse4.2)
target_compile_definitions(hf_options INTERFACE _GLIBCXX_ASSERTIONS)
# No path of the machine that builds is in what is shipped: whoever builds elsewhere gets the same bytes (tools/package).
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of libstdc++ 12 calls what C++17 has deprecated; clang 19 says so, g++ 12 does not.
  target_compile_options(hf_options INTERFACE -Wno-deprecated-declarations)
endif()
if(HF_ASAN)
  target_compile_options(hf_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(hf_options INTERFACE -fsanitize=address,undefined)
endif()
if(HF_TSAN)
  target_compile_options(hf_options INTERFACE -fsanitize=thread)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(hf_options INTERFACE -Wno-tsan)  # Boost.Asio's fences, which g++ does not instrument
  endif()
  target_link_options(hf_options INTERFACE -fsanitize=thread)
endif()
if(HF_FUZZ)
  target_compile_options(hf_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(hf_options INTERFACE -fsanitize=address,undefined)
endif()
find_program(HF_MOLD mold)
if(HF_MOLD)
  target_link_options(hf_options INTERFACE -fuse-ld=mold)
endif()
