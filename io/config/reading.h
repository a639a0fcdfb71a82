// Collects values and complaints while a configuration is made. Private to io/config.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/config/config.h"

namespace patronus {

class Reading {
 public:
  Reading(const Sources& sources, std::vector<std::string>& errors) : sources_(sources), errors_(errors) {}

  // The value with the highest precedence; nothing if the setting was not given anywhere.
  std::optional<std::string> given(std::string_view name) const {
    for (const auto* source : {&sources_.flags, &sources_.environment, &sources_.file}) {
      if (const auto at = source->find(name); at != source->end()) return at->second;
    }
    return std::nullopt;
  }
  std::string text(std::string_view name, std::string_view otherwise) const {
    return given(name).value_or(std::string(otherwise));
  }
  void wrong(std::string_view name, std::string_view value, std::string_view why) {
    errors_.push_back("PATRONUS_" + std::string(name) + "='" + std::string(value) + "' " + std::string(why));
  }
  // For values that must not be shown.
  void wrong_secret(std::string_view name, std::string_view why) {
    errors_.push_back("PATRONUS_" + std::string(name) + " (not shown here) " + std::string(why));
  }
  const std::string& host_name() const { return sources_.host_name; }
  const std::vector<std::string>& own_addresses() const { return sources_.own_addresses; }

 private:
  const Sources& sources_;
  std::vector<std::string>& errors_;
};

// Which doors open where, with which certificates, and under which addresses others reach them.
void read_doors(Reading& in, Config& config);
void read_cluster_secret(Reading& in, Config& config);

}  // namespace patronus
