#include "io/tls/context.h"

#include <openssl/err.h>

#include <algorithm>

#include "core/base/limits.h"

namespace patronus::tls {
namespace {

// For TLS 1.2; every suite of TLS 1.3 is as good.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256";
constexpr int kSecurityLevel = 2;  // 112 bits: RSA and DH from 2048 bits, no SHA-1 signatures
constexpr long kTicketSeconds = 2L * 60 * 60;
constexpr std::string_view kHttp11 = "http/1.1";

// Takes http/1.1 out of the client's list of length-prefixed names. A client that asks for something else
// only is told so by an alert (RFC 7301 section 3.2).
int select_http11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                  unsigned size, void*) {
  for (unsigned at = 0; at < size; at += 1U + in[at]) {
    const std::string_view name(reinterpret_cast<const char*>(in + at + 1),
                                std::min<size_t>(in[at], size - at - 1));
    if (name != kHttp11) continue;
    *out = in + at + 1;
    *out_size = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_protocol(SSL_CTX* context) {
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections give their buffers back; there may be thousands.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, static_cast<long>(limits::kTlsChainBytesMax));
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers) == 1 && SSL_CTX_set1_groups_list(context, kGroups) == 1;
}

bool set_certificate(SSL_CTX* context, const Credentials& credentials) {
  if (SSL_CTX_use_certificate(context, credentials.chain.front().get()) != 1) return false;
  for (size_t i = 1; i < credentials.chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, credentials.chain[i].get()) != 1) return false;
  }
  // A chain that is not given is not made up from the authorities either: what is sent is what the file
  // holds.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  return SSL_CTX_use_PrivateKey(context, credentials.key.get()) == 1 &&
         SSL_CTX_check_private_key(context) == 1;
}

bool set_authorities(SSL_CTX* context, const Credentials& credentials) {
  SSL_CTX_set_verify_depth(context, limits::kTlsChainDepthMax);
  for (const Certificate& one : credentials.authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1 ||
        SSL_CTX_add_client_CA(context, one.get()) != 1) {
      return false;
    }
  }
  return true;
}

// Clients may resume, which saves them and this node a signature; the keys of tickets never leave the
// process. Nodes may not: each new link is a new proof, so that an expired certificate ends with its last
// connection.
bool set_resumption(SSL_CTX* context, Role role) {
  if (role == Role::kHttps) {
    SSL_CTX_set_timeout(context, kTicketSeconds);
    return SSL_CTX_set_num_tickets(context, 1) == 1;
  }
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  return SSL_CTX_set_num_tickets(context, 0) == 1;
}

}  // namespace

Context::Context(Role role, ContextHandle handle, int64_t not_after)
    : role_(role), handle_(std::move(handle)), not_after_(not_after) {}

std::variant<std::shared_ptr<const Context>, std::string> Context::make(Role role,
                                                                        const Credentials& credentials) {
  ERR_clear_error();
  ContextHandle handle(SSL_CTX_new(TLS_method()));
  SSL_CTX* context = handle.get();
  const bool made = handle && set_protocol(context) && set_certificate(context, credentials) &&
                    set_authorities(context, credentials) && set_resumption(context, role);
  if (!made) return "can't be used for TLS: " + take_openssl_error();
  if (role == Role::kHttps) SSL_CTX_set_alpn_select_cb(context, select_http11, nullptr);
  const int64_t end = tls::not_after(credentials.chain.front().get());
  return std::shared_ptr<const Context>(new Context(role, std::move(handle), end));
}

SslHandle Context::new_connection() const { return SslHandle(SSL_new(handle_.get())); }

}  // namespace patronus::tls
