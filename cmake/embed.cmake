# vigil_embed_text(OUT_VAR NAME FILE): a generated source that defines `extern const std::string_view NAME` in namespace vigil with the
# file's text.
function(vigil_embed_text out name file)
  file(READ ${file} text)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${generated} CONTENT "#include <string_view>\n\nnamespace vigil {\nextern const std::string_view ${name};\nconst std::string_view ${name} = R\"vigil(${text})vigil\";\n}  // namespace vigil\n" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  set(${out} ${generated} PARENT_SCOPE)
endfunction()
