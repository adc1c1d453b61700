# Debian's libraries, and the pinned natives that tools/setup/setup.sh unpacked under .deps/ (docs/dependencies.md says why each).
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CURL REQUIRED)
find_package(EXPAT REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)

set(VIGIL_DEPS ${CMAKE_SOURCE_DIR}/.deps)
if(NOT EXISTS ${VIGIL_DEPS}/llhttp/src/llhttp.c OR NOT EXISTS ${VIGIL_DEPS}/simdjson/simdjson.cpp
   OR NOT EXISTS ${VIGIL_DEPS}/nanoarrow/nanoarrow/nanoarrow.h)
  message(FATAL_ERROR "native libraries are missing: run tools/setup/setup.sh (or `make build`, which does)")
endif()

add_library(llhttp STATIC ${VIGIL_DEPS}/llhttp/src/llhttp.c ${VIGIL_DEPS}/llhttp/src/api.c ${VIGIL_DEPS}/llhttp/src/http.c)
target_include_directories(llhttp SYSTEM PUBLIC ${VIGIL_DEPS}/llhttp/include)
target_compile_options(llhttp PRIVATE -O2 -w)

add_library(simdjson STATIC ${VIGIL_DEPS}/simdjson/simdjson.cpp)
target_include_directories(simdjson SYSTEM PUBLIC ${VIGIL_DEPS}/simdjson)
target_compile_options(simdjson PRIVATE -O2 -w)
target_compile_features(simdjson PUBLIC cxx_std_20)

# Arrow's C types, builders and stream format; flatcc reads and writes the format's metadata.
set(NANOARROW_VERSION_MAJOR 0)
set(NANOARROW_VERSION_MINOR 9)
set(NANOARROW_VERSION_PATCH 0)
set(NANOARROW_VERSION 0.9.0)
configure_file(${VIGIL_DEPS}/nanoarrow/nanoarrow/nanoarrow_config.h.in ${CMAKE_BINARY_DIR}/nanoarrow/nanoarrow/nanoarrow_config.h)
set(ARROW ${VIGIL_DEPS}/nanoarrow/nanoarrow)
add_library(nanoarrow STATIC
  ${ARROW}/common/array.c ${ARROW}/common/array_stream.c ${ARROW}/common/schema.c ${ARROW}/common/utils.c
  ${ARROW}/ipc/codecs.c ${ARROW}/ipc/decoder.c ${ARROW}/ipc/encoder.c ${ARROW}/ipc/writer.c
  ${VIGIL_DEPS}/flatcc/src/runtime/builder.c ${VIGIL_DEPS}/flatcc/src/runtime/emitter.c ${VIGIL_DEPS}/flatcc/src/runtime/refmap.c
  ${VIGIL_DEPS}/flatcc/src/runtime/verifier.c)
target_include_directories(nanoarrow SYSTEM PUBLIC ${VIGIL_DEPS}/nanoarrow ${CMAKE_BINARY_DIR}/nanoarrow ${VIGIL_DEPS}/flatcc/include)
target_compile_definitions(nanoarrow PRIVATE NANOARROW_IPC_WITH_ZSTD NANOARROW_IPC_WITH_LZ4)
target_compile_options(nanoarrow PRIVATE -O2 -w)
target_link_libraries(nanoarrow PRIVATE PkgConfig::ZSTD PkgConfig::LZ4)

add_library(duckdb_headers INTERFACE)
target_include_directories(duckdb_headers SYSTEM INTERFACE ${VIGIL_DEPS}/include)

add_library(onnxruntime_headers INTERFACE)
target_include_directories(onnxruntime_headers SYSTEM INTERFACE ${VIGIL_DEPS}/include)

# Libraries loaded at run time are found beside the binary's folder (build/lib), so a build tree can be moved.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
foreach(library libduckdb.so libxgboost.so libonnxruntime.so)
  if(EXISTS ${VIGIL_DEPS}/lib/${library})
    file(CREATE_LINK ${VIGIL_DEPS}/lib/${library} ${CMAKE_BINARY_DIR}/lib/${library} SYMBOLIC)
  endif()
endforeach()
# `make tensorflow` may come after this: the link waits for it.
file(CREATE_LINK ${VIGIL_DEPS}/tensorflow ${CMAKE_BINARY_DIR}/lib/tensorflow SYMBOLIC)
