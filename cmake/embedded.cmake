# What the program carries inside: the built pages (web/dist, if they are built) and the demo's generated trade (if there is
# Node). Looked at in each build; without them the program is whole but for pages and `holdfast demo`.
set(hf_embedded_source ${CMAKE_BINARY_DIR}/generated/embedded.cc)
set(hf_trade ${CMAKE_BINARY_DIR}/generated/trade)
set(hf_trade_files)
find_program(HF_NODE node)
if(HF_NODE)
  set(hf_trade_files ${hf_trade}/baskets.jsonl)
  add_custom_command(
    OUTPUT ${hf_trade}/baskets.jsonl ${hf_trade}/catalogue.csv
    COMMAND ${HF_NODE} ${CMAKE_SOURCE_DIR}/demo/generate.mjs --seed 1 --products 600 --baskets 1500 --stores 3 --into ${hf_trade}
    DEPENDS ${CMAKE_SOURCE_DIR}/demo/generate.mjs ${CMAKE_SOURCE_DIR}/demo/lib/random.mjs
            ${CMAKE_SOURCE_DIR}/demo/lib/decimal.mjs ${CMAKE_SOURCE_DIR}/demo/lib/csv.mjs
    VERBATIM)
endif()
add_custom_target(hf_embed
  COMMAND ${CMAKE_COMMAND} -DOUT=${hf_embedded_source} -DPAGES=${CMAKE_SOURCE_DIR}/web/dist -DTRADE=${hf_trade}
          -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${hf_trade_files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  BYPRODUCTS ${hf_embedded_source}
  VERBATIM)
add_library(hf_embedded OBJECT ${hf_embedded_source})
target_include_directories(hf_embedded PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(hf_embedded PRIVATE hf_options)
add_dependencies(hf_embedded hf_embed)
