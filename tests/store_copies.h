// A state as others get it: the bytes of a snapshot, and the state that comes out of its rows.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <variant>

#include "core/state/artefact_format.h"
#include "core/state/store.h"

namespace patronus::test {

inline std::string snapshot_of(const Store& store) {
  std::string bytes;
  artefact::Encoder encoder({store.base(), store.hash()}, bytes);
  store.for_each_row(
      [&](std::string_view key, const RowValue& value) { encoder.add(key, value.text(), bytes); });
  encoder.finish(bytes);
  return bytes;
}

// As after a restart.
inline Store copy_of(const Store& store) {
  StoreLoader loader(store.base());
  std::map<std::string, std::string> rows;
  store.for_each_row([&](std::string_view key, const RowValue& value) { rows.emplace(key, value.text()); });
  for (const auto& [key, value] : rows) EXPECT_EQ(loader.add(key, value), std::nullopt);
  std::variant<Store, std::string> loaded = std::move(loader).finish(store.hash());
  EXPECT_TRUE(std::holds_alternative<Store>(loaded));
  return std::move(std::get<Store>(loaded));
}

}  // namespace patronus::test
