FROM scratch
ADD rootfs.tar /
COPY clean.conf /etc/apt/apt.conf.d/docker-clean
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["bash"]
