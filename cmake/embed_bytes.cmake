# Script: writes the bytes of IN as a string_view NAME to the source OUT.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include <string_view>\n\nnamespace vigil {\nnamespace {\nconst unsigned char kBytes[] = {\n${bytes}};\n}\nextern const std::string_view ${NAME};\nconst std::string_view ${NAME}(reinterpret_cast<const char*>(kBytes), sizeof kBytes);\n}  // namespace vigil\n")
