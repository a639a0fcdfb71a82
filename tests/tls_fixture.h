// An authority made for one test, and what it issues.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/tls/context.h"
#include "io/tls/issue.h"
#include "io/tls/session.h"
#include "io/tls/sign_list.h"

namespace patronus::tls {

constexpr int64_t kDay = int64_t{24} * 60 * 60;

inline Validity days(int64_t from, int64_t to) {
  const int64_t now = std::time(nullptr);
  return {now + from * kDay, now + to * kDay};
}

inline KeyAndCertificate good(std::variant<KeyAndCertificate, std::string> made) {
  EXPECT_TRUE(std::holds_alternative<KeyAndCertificate>(made)) << std::get<std::string>(made);
  return std::get<KeyAndCertificate>(std::move(made));
}

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "Test CA", Validity validity = days(-1, 10))
      : pem_(good(make_authority(name, validity))) {}

  KeyAndCertificate issue(Request request) const {
    auto authority = parse_authority(pem_.key, pem_.certificate);
    return good(tls::issue(std::get<Authority>(authority), request));
  }
  KeyAndCertificate node(const NodeId& id, Validity validity = days(-1, 10)) const {
    return issue({id, id, {"localhost"}, validity});
  }
  // A list of revoked certificates, in PEM form.
  std::string list(const ListRequest& request) const {
    auto authority = parse_authority(pem_.key, pem_.certificate);
    auto made = sign_list(std::get<Authority>(authority), request);
    EXPECT_TRUE(std::holds_alternative<Crl>(made)) << std::get<std::string>(made);
    return to_pem(std::get<Crl>(made).get());
  }
  const KeyAndCertificate& pem() const { return pem_; }
  const std::string& certificate() const { return pem_.certificate; }

 private:
  KeyAndCertificate pem_;
};

inline std::string serial_of(const KeyAndCertificate& pem) {
  return describe(std::get<std::vector<Certificate>>(parse_certificates(pem.certificate)).front().get())
      .serial;
}

// What a node makes of a list.
inline std::shared_ptr<const RevocationLists> lists(const std::string& pem, const std::string& authorities) {
  auto made = RevocationLists::make(std::get<std::vector<Crl>>(parse_lists(pem)),
                                    std::get<std::vector<Certificate>>(parse_certificates(authorities)));
  EXPECT_TRUE(std::holds_alternative<std::shared_ptr<const RevocationLists>>(made))
      << std::get<std::string>(made);
  return std::get<std::shared_ptr<const RevocationLists>>(made);
}

inline Credentials credentials(const KeyAndCertificate& own, const std::string& authority = "") {
  Credentials result;
  result.chain = std::get<std::vector<Certificate>>(parse_certificates(own.certificate));
  result.key = std::get<PrivateKey>(parse_private_key(own.key));
  if (!authority.empty()) {
    result.authorities = std::get<std::vector<Certificate>>(parse_certificates(authority));
  }
  return result;
}

inline std::shared_ptr<const Context> context(Role role, const KeyAndCertificate& own,
                                              const std::string& authority = "") {
  auto made = Context::make(role, credentials(own, authority));
  EXPECT_TRUE(std::holds_alternative<std::shared_ptr<const Context>>(made)) << std::get<std::string>(made);
  return std::get<std::shared_ptr<const Context>>(made);
}

// A directory that goes with the test.
class Directory {
 public:
  Directory() {
    std::string pattern = ::testing::TempDir() + "patronus-tls-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Replaces the file as an operator's tool does: another file under the same name.
  void put(const std::string& name, const std::string& content) const {
    std::ofstream(file(name + ".new"), std::ios::binary) << content;
    std::filesystem::rename(file(name + ".new"), file(name));
  }

 private:
  std::string path_;
};

}  // namespace patronus::tls
