# pal_embed(OUT NAMESPACE HEADER VARIABLE FILE ...): writes OUT, C++ that defines each VARIABLE, which HEADER declares as a
# std::string_view, as the bytes of its FILE; again whenever one changes.
function(pal_embed out namespace header)
  set(text "// Made by CMake.\n#include \"${header}\"\n\nnamespace ${namespace} {\n\n")
  while(ARGN)
    list(POP_FRONT ARGN variable file)
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND text "static const unsigned char ${variable}Bytes[] = {${bytes}};\n"
      "const std::string_view ${variable}(reinterpret_cast<const char*>(${variable}Bytes), sizeof ${variable}Bytes);\n\n")
  endwhile()
  string(APPEND text "}  // namespace ${namespace}\n")
  file(GENERATE OUTPUT ${out} CONTENT "${text}")
endfunction()
