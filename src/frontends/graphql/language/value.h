// What resolvers give and get: JSON, an object of the program's own, or a list of these.
#pragma once

#include <memory>
#include <string_view>
#include <typeindex>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"

namespace vigil::graphql {

class Value {
 public:
  Value() = default;                                          // null
  Value(Json json) : held_(std::move(json)) {}                // NOLINT(google-explicit-constructor): resolvers return JSON
  Value(std::vector<Value> list) : held_(std::move(list)) {}  // NOLINT(google-explicit-constructor)

  // JSON that lives until the operation has ended: nothing is copied.
  static Value Borrowed(const Json* json) {
    Value value;
    if (json != nullptr) value.held_ = json;
    return value;
  }
  // An object of the program's own: resolvers of its type's fields read it with As<T>(). `type` names its object type where the field's
  // type is an interface or a union and no TypeResolver is registered; it must outlive the value (a literal). Null for a null pointer.
  template <class T>
  static Value Object(std::shared_ptr<const T> object, std::string_view type = {}) {
    Value value;
    if (object != nullptr) value.held_ = Opaque{std::move(object), typeid(T), type};
    return value;
  }
  // The same, for an object that lives until the operation has ended.
  template <class T>
  static Value BorrowedObject(const T* object, std::string_view type = {}) {
    return Object(std::shared_ptr<const T>(std::shared_ptr<const T>(), object), type);
  }

  bool is_null() const { return std::holds_alternative<std::monostate>(held_) || (json() != nullptr && json()->is_null()); }
  // Null unless it holds JSON.
  const Json* json() const {
    if (const auto* own = std::get_if<Json>(&held_)) return own;
    const auto* borrowed = std::get_if<const Json*>(&held_);
    return borrowed != nullptr ? *borrowed : nullptr;
  }
  // Null unless it holds a list made of values (a JSON array is JSON).
  const std::vector<Value>* list() const { return std::get_if<std::vector<Value>>(&held_); }
  // Null unless it holds an object that was given as a T.
  template <class T>
  const T* As() const {
    const auto* opaque = std::get_if<Opaque>(&held_);
    return opaque != nullptr && opaque->of == typeid(T) ? static_cast<const T*>(opaque->object.get()) : nullptr;
  }
  bool is_object() const { return std::holds_alternative<Opaque>(held_); }
  // The object's type as it was given; empty for everything else.
  std::string_view object_type() const {
    const auto* opaque = std::get_if<Opaque>(&held_);
    return opaque != nullptr ? opaque->type : std::string_view();
  }

 private:
  struct Opaque {
    std::shared_ptr<const void> object;
    std::type_index of;
    std::string_view type;
  };
  std::variant<std::monostate, Json, const Json*, Opaque, std::vector<Value>> held_;
};

}  // namespace vigil::graphql
