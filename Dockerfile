# Images of Skep:
#
#     docker build --target api     -t skep/api .       nginx with the modules
#     docker build --target worker  -t skep/worker .    skep-worker
#     docker build --target migrate -t skep/migrate .   the migrations
#
# They run as the user skep (10001), write to /tmp alone, and read their secrets
# from /run/secrets.  docs/containers.md has the rest.


FROM debian:trixie-slim AS base

RUN groupadd -g 10001 skep \
    && useradd -u 10001 -g skep -M -d /nonexistent -s /usr/sbin/nologin skep


# compiler and headers stay in this one

FROM base AS build

ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /skep

COPY dev.d/packages.sh dev.d/
RUN . dev.d/packages.sh \
    && apt-get update \
    && apt-get install -y --no-install-recommends $(packages_of build) \
        $(packages_of npm) ca-certificates

# what is compiled, so that nothing else makes it be compiled again
COPY config config.make dev ./
COPY dev.d dev.d
COPY sql sql
COPY worker worker
COPY ngx_api_module ngx_api_module
COPY ngx_auth_module ngx_auth_module
COPY ngx_task_module ngx_task_module
COPY ngx_notify_module ngx_notify_module
COPY docs/openapi.yaml docs/
RUN ./dev build

COPY . .
RUN ./dev install /install \
    && strip --strip-unneeded /install/usr/bin/skep-worker \
        /install/usr/lib/nginx/modules/ngx_*.so \
    && test -e /install/usr/share/skep/docs/index.html \
    && conf/docker/configure /install/etc/skep


FROM base AS api

RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx libpq5 libjansson4 \
        libhiredis1.1.0 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* \
        /var/log/* /usr/share/nginx/html /var/www

COPY conf/docker/skep-nginx conf/docker/skep-health /usr/bin/
COPY --from=build /install/usr/lib/nginx/modules/ /usr/lib/nginx/modules/
COPY --from=build /install/usr/share/skep/docs/ /usr/share/skep/docs/
COPY --from=build /install/usr/share/skep/openapi* /usr/share/skep/
COPY --from=build /install/usr/share/skep/conf/refused-passwords.txt \
    /usr/share/skep/conf/
COPY --from=build /install/etc/skep/nginx/ /etc/skep/

USER skep
EXPOSE 8080 9463
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["skep-health", "8080/livez"]
CMD ["skep-nginx", "/etc/skep/nginx.conf"]


FROM base AS worker

RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 libjansson4 \
        libhiredis1.1.0 libcurl4t64 libmicrohttpd12t64 ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* \
        /var/log/*

COPY conf/docker/skep-health /usr/bin/
COPY --from=build /install/usr/bin/skep-worker /usr/bin/
COPY --from=build /install/etc/skep/worker/ /etc/skep/
COPY --from=build /install/etc/skep/mail/ /etc/skep/mail/

USER skep
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["skep-health", "9464/livez"]
CMD ["skep-worker", "-c", "/etc/skep/skep-worker.conf"]


FROM base AS migrate

RUN apt-get update \
    && apt-get install -y --no-install-recommends sqitch libdbd-pg-perl \
        postgresql-client openssl \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* \
        /var/log/*

COPY conf/docker/skep-migrate conf/docker/skep-secrets /usr/bin/
COPY --from=build /install/usr/share/skep/sql/ /usr/share/skep/sql/
RUN install -d -o skep -g skep /secrets /secrets/postgres /secrets/redis \
        /secrets/migrate /secrets/auth /secrets/api /secrets/worker

USER skep
WORKDIR /usr/share/skep/sql
CMD ["skep-migrate"]


# for conf/docker/try.yaml alone: where mails go while one tries it out

FROM base AS mail

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-aiosmtpd \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*

COPY dev.d/smtp-sink conf/docker/skep-mail /usr/bin/

USER skep
EXPOSE 2525
CMD ["smtp-sink", "--port", "2525", "/tmp"]
