# vigil_descriptors(OUT_VAR NAME PROTO...): a generated source that defines `extern const std::string_view NAME` in namespace vigil with the
# FileDescriptorSet of the .proto files (paths below api/proto), which protoc writes at build time. No protobuf code comes with it.
find_program(PROTOC protoc REQUIRED)
function(vigil_descriptors out name)
  set(root ${CMAKE_SOURCE_DIR}/api/proto)
  list(TRANSFORM ARGN PREPEND ${root}/ OUTPUT_VARIABLE files)
  set(set ${CMAKE_CURRENT_BINARY_DIR}/${name}.pb)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${PROTOC} -I ${root} --descriptor_set_out=${set} --include_imports ${ARGN}
    COMMAND ${CMAKE_COMMAND} -DIN=${set} -DOUT=${generated} -DNAME=${name} -P ${CMAKE_SOURCE_DIR}/cmake/embed_bytes.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_bytes.cmake VERBATIM)
  set(${out} ${generated} PARENT_SCOPE)
endfunction()
