# schema/NAME.fbs -> <build>/generated/schema/NAME_generated.h
# Every .fbs there is compiled; a schema that is added is picked up by the next configure.
find_program(HF_FLATC flatc REQUIRED)
file(GLOB hf_schema_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schema/*.fbs)
set(hf_schema_outputs)
foreach(source ${hf_schema_sources})
  get_filename_component(name ${source} NAME_WE)
  set(out ${CMAKE_BINARY_DIR}/generated/schema/${name}_generated.h)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${HF_FLATC} --cpp --cpp-std c++17 --scoped-enums -o ${CMAKE_BINARY_DIR}/generated/schema ${source}
    DEPENDS ${source}
    VERBATIM)
  list(APPEND hf_schema_outputs ${out})
endforeach()
add_custom_target(hf_schema DEPENDS ${hf_schema_outputs})
