// A schema, built once from the text of its definition and then read by any thread. The text is the one source: types, arguments, defaults,
// descriptions and deprecations are introspected from it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::graphql {

struct TypeSystem;

class Schema {
 public:
  // Takes type, schema and directive definitions and extensions. Checks all that the specification asks of a type system (names, interfaces
  // implemented, defaults of their types, ...). A failure names what is wrong with its line and column, at most the first ten.
  static StatusOr<std::unique_ptr<const Schema>> FromSdl(std::string sdl);
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  // As it was given.
  std::string_view sdl() const;
  const TypeSystem& types() const { return *types_; }

 private:
  explicit Schema(std::unique_ptr<TypeSystem> types);

  std::unique_ptr<TypeSystem> types_;
};

}  // namespace vigil::graphql
