# The image is one static binary and what it cannot carry itself: certificates
# of public authorities, a place for temporary files and one for its data.
FROM golang:1.26 AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
WORKDIR /src

# Dependencies first: they change less often than the code does.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION=unknown
RUN go build -trimpath -tags timetzdata -ldflags "-s -w -X main.version=${VERSION}" -o /out/slipway ./cmd/slipway

# scratch has no shell, so the folders are made here and copied with their modes.
RUN mkdir -p /out/root/tmp /out/root/etc/ssl/certs /out/data \
 && chmod 1777 /out/root/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /out/root/etc/ssl/certs/ \
 && echo 'slipway:x:65532:65532::/var/lib/slipway:/nologin' > /out/root/etc/passwd

FROM scratch
LABEL org.opencontainers.image.title="Slipway" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/root/ /
COPY --from=build --chown=65532:65532 /out/data /var/lib/slipway
COPY --from=build /out/slipway /slipway

USER 65532:65532
WORKDIR /var/lib/slipway
ENV HOME=/var/lib/slipway
# The portal, and the metrics for whoever scrapes them.
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/slipway", "healthcheck"]
ENTRYPOINT ["/slipway"]
CMD ["serve"]
