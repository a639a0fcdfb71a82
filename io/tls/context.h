// What all TLS connections of a door have in common: protocol versions, ciphers, certificate, authorities.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "io/tls/credentials.h"
#include "io/tls/openssl.h"

namespace patronus::tls {

enum class Role : uint8_t {
  kHttps,  // any client; no certificate is asked of it
  kPeer,   // both ends show a certificate of the cluster's authority that names a node
};

class Context {
 public:
  // TLS 1.2 (ECDHE with AEAD only) and 1.3, this end's order of ciphers, no compression, no renegotiation;
  // HTTPS speaks HTTP/1.1 alone (ALPN, RFC 7301). An error in words if OpenSSL takes the credentials not.
  [[nodiscard]] static std::variant<std::shared_ptr<const Context>, std::string> make(
      Role role, const Credentials& credentials);

  Role role() const { return role_; }
  // When this end's certificate ends, in Unix seconds.
  int64_t not_after() const { return not_after_; }
  // This end's own certificate; lives as long as the context.
  const X509* certificate() const { return SSL_CTX_get0_certificate(handle_.get()); }
  // Nothing only when memory is short.
  [[nodiscard]] SslHandle new_connection() const;

 private:
  Context(Role role, ContextHandle handle, int64_t not_after);

  Role role_;
  ContextHandle handle_;
  int64_t not_after_;
};

}  // namespace patronus::tls
