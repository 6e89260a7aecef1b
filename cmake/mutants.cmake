# holdfast_core_mutants: the sources of holdfast_core once more, with the switches of docs/mutants.md in. Built only when
# holdfast-sim-mutants is asked for. HF_WITH_MUTANTS is what HF_MUTANT(n) looks at, and nothing else does.
if(HF_FUZZ)
  return()
endif()
file(GLOB_RECURSE hf_core_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/core/*.cc)
list(FILTER hf_core_sources EXCLUDE REGEX "_test\\.cc$")
add_library(holdfast_core_mutants STATIC EXCLUDE_FROM_ALL ${hf_core_sources})
if(HF_UNITY)  # in the units that hf_room has put them into
  set_target_properties(holdfast_core_mutants PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endif()
target_include_directories(holdfast_core_mutants PUBLIC ${CMAKE_SOURCE_DIR}/src)
target_include_directories(holdfast_core_mutants SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(holdfast_core_mutants PUBLIC hf_options hf_core_packages)
target_compile_options(holdfast_core_mutants PRIVATE -fno-exceptions)
hf_builds_fast(holdfast_core_mutants)
target_compile_definitions(holdfast_core_mutants PUBLIC HF_WITH_MUTANTS)
add_dependencies(holdfast_core_mutants hf_schema)
