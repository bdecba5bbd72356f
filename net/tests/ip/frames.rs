//! Frames made by hand.

use super::*;

pub(super) fn arp_frame(
    operation: ArpOperation,
    source_hardware_addr: EthernetAddress,
    source_protocol_addr: Ipv4Address,
    target_hardware_addr: EthernetAddress,
    target_protocol_addr: Ipv4Address,
) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_hardware_addr,
        target_protocol_addr,
    };
    let mut bytes = vec![0; 14 + arp.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(source_hardware_addr);
    frame.set_dst_addr(EthernetAddress::BROADCAST);
    frame.set_ethertype(EthernetProtocol::Arp);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

pub(super) fn ip_frame(
    from_mac: EthernetAddress,
    to_mac: EthernetAddress,
    src_addr: Ipv4Address,
    dst_addr: Ipv4Address,
    next_header: IpProtocol,
    payload_len: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let ip = Ipv4Repr {
        src_addr,
        dst_addr,
        next_header,
        payload_len,
        hop_limit: 64,
    };
    let mut bytes = vec![0; 14 + ip.buffer_len() + payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(from_mac);
    frame.set_dst_addr(to_mac);
    frame.set_ethertype(EthernetProtocol::Ipv4);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &Default::default());
    emit(packet.payload_mut());
    bytes
}

pub(super) fn syn_frame(
    from_mac: EthernetAddress,
    to_mac: EthernetAddress,
    from: Ipv4Address,
    to: Ipv4Address,
    src_port: u16,
    dst_port: u16,
) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port,
        dst_port,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1),
        ack_number: None,
        window_len: 1000,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    ip_frame(
        from_mac,
        to_mac,
        from,
        to,
        IpProtocol::Tcp,
        tcp.buffer_len(),
        |payload| {
            let mut packet = TcpPacket::new_unchecked(payload);
            tcp.emit(&mut packet, &from.into(), &to.into(), &Default::default());
        },
    )
}
