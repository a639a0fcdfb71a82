// A life of everything whose rows are copied to the dashboard's database, and of some that are not, dense
// enough that names meet; for tests of that copy.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "core/base/random.h"
#include "core/raft/configuration.h"
#include "core/state/store.h"

namespace patronus::test {

inline std::map<std::string, std::string> projected_rows(const Store& store) {
  std::map<std::string, std::string> rows;
  store.for_each_projected_row(
      [&](std::string_view key, const RowValue& value) { rows.emplace(key, value.text()); });
  return rows;
}

class TableLife {
 public:
  explicit TableLife(uint64_t seed) : random_(seed) {}

  uint64_t pick(uint64_t bound) { return random_.below(bound); }
  void live(Store& store, uint64_t entries) {
    for (uint64_t i = 0; i < entries; ++i) (void)store.apply(next(store));
  }
  Entry next(const Store& store) {
    stamp_.lease_ms += static_cast<int64_t>(pick(5'000));
    stamp_.wall_ms += static_cast<int64_t>(pick(5'000));
    Entry entry{store.applied().next(), Term{1}, EntryKind::kCommand, stamp_, {}};
    if (store.applied() == Index{}) {
      entry.kind = EntryKind::kConfiguration;
      entry.payload =
          Blob(encode_configuration({{{1, 2}}, {{"a", Incarnation{1}, "", "", Standing::kVoter}}}));
      return entry;
    }
    ++sequence_;
    const WriteOp op =
        store.tables().schema() == 0 ? WriteOp{TableOp{OpenTablesOp{kTablesSchema}}} : this->op(store);
    entry.payload = Blob(encode_command({{Incarnation{1}, sequence_, sequence_}, {}, op}));
    return entry;
  }

 private:
  std::string name(const char* kind, uint64_t of) { return kind + std::to_string(pick(of)); }

  WriteOp op(const Store& store) {
    switch (pick(8)) {
      case 0:
        return PutOp{"ns", name("key", 10), Blob("value"), "", {}};
      case 1:
        return account();
      case 2:
        return verdicts(store);
      case 3:
        return TableOp{DeletePolicyOp{name("p", 12), {}}};
      case 4: {
        const std::string id = name("p", 12);
        PolicyFields fields{name("policy ", 16),    pick(2) == 0, name("s", 8), name("s", 8),
                            PathPreference::kScore, {},           {},           {}};
        if (pick(2) == 0) fields.max_latency_us = static_cast<uint32_t>(pick(100'000));
        return TableOp{PutPolicyOp{id, store.tables().policy(id) == nullptr, fields, {}}};
      }
      case 5:
        return TableOp{DeleteSiteOp{name("s", 8), {}}};
      default:
        return site(store);
    }
  }
  // More names than sites, so that names are given up and taken by others.
  WriteOp site(const Store& store) {
    const std::string id = name("s", 8);
    SiteFields fields{name("site ", 10), {}, 1};
    for (uint64_t i = pick(4); i > 0; --i) {
      const std::string address = "10.0.0." + std::to_string(i) + ":" + std::to_string(7000 + pick(3));
      fields.endpoints.push_back({address, pick(2) == 0 ? "fiber" : "lte", pick(5'000'000)});
    }
    return TableOp{PutSiteOp{id, store.tables().site(id) == nullptr, fields, {}}};
  }
  AccountOp account() {
    const std::string user = name("u", 6);
    switch (pick(6)) {
      case 0:
        return CreateUserOp{user, user + "@x", "N", UserRole::kAdmin, "p", false};
      case 1: {
        UpdateUserOp update;
        update.id = user;
        update.name = name("n", 5);
        return update;
      }
      case 2:
        return DeleteUserOp{user, {}};
      case 3: {
        const std::string last = key_;
        key_ = name("g", 1000);
        return AddSigningKeyOp{key_, "public", "wrapped", last};
      }
      default:
        return OpenSessionOp{name("t", 12), user, 1, 7'200'000, 600'000'000, "::1", "browser"};
    }
  }
  WriteOp verdicts(const Store& store) {
    VerdictsOp op;
    for (const auto& [id, one] : store.tables().sites()) {
      for (const SiteEndpoint& endpoint : one.fields.endpoints) {
        if (pick(3) == 0) op.endpoints.push_back({id, endpoint.address, pick(2) == 0, stamp_.wall_ms});
      }
    }
    for (const auto& [key, state] : store.tables().paths()) {
      if (pick(3) != 0) continue;
      op.paths.push_back({key, static_cast<PathStatus>(1 + pick(3)), static_cast<uint32_t>(pick(90'000)),
                          static_cast<uint32_t>(pick(9'000)), static_cast<uint32_t>(pick(50'000)),
                          static_cast<uint8_t>(pick(101))});
    }
    return TableOp{std::move(op)};
  }

  Random random_;
  Stamp stamp_{0, 1'700'000'000'000};
  uint64_t sequence_ = 0;
  std::string key_;
};

}  // namespace patronus::test
